"""One pass over a layer: digests, batches, compression, and what happens when reading stops early."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import tarfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard

from lamella import _core
from tests.unit.core import tars

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONTENTS = {f"folder/file-{index}": b"%03d" % index * (index * 97 % 5000) for index in range(300)}


def plain_tar(contents: Mapping[str, bytes] = CONTENTS) -> bytes:
    return b"".join(tars.entry(path.encode(), content) for path, content in contents.items()) + tars.END


def zstd_frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def skippable_frame(data: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def in_halves(data: bytes) -> tuple[bytes, bytes]:
    return data[: len(data) // 2], data[len(data) // 2 :]


STORED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "plain": ("none", lambda tar: tar),
    "gzip": ("gzip", gzip.compress),
    "gzip-members": ("gzip", lambda tar: b"".join(map(gzip.compress, in_halves(tar)))),
    "gzip-empty-members": ("gzip", lambda tar: gzip.compress(b"") + gzip.compress(tar) + gzip.compress(b"")),
    "zstd": ("zstd", zstd_frame),
    "zstd-frames": ("zstd", lambda tar: b"".join(map(zstd_frame, in_halves(tar)))),
    "zstd-skippable": ("zstd", lambda tar: skippable_frame(b"note") + zstd_frame(tar) + skippable_frame(b"")),
}


@pytest.mark.parametrize("how", STORED)
def test_every_digest_is_that_of_hashlib(tmp_path: Path, how: str) -> None:
    compression, store = STORED[how]
    tar = plain_tar()
    stored = store(tar)
    path = tmp_path / "layer"
    path.write_bytes(stored)
    entries, reader = tars.read(path)
    assert reader.compression == compression
    assert (reader.digest, reader.size) == (hashlib.sha256(stored).digest(), len(stored))
    assert (reader.diff_id, reader.tar_size) == (hashlib.sha256(tar).digest(), len(tar))
    assert [entry.path for entry in entries] == list(CONTENTS)
    assert [entry.digest for entry in entries] == [hashlib.sha256(each).digest() for each in CONTENTS.values()]
    for entry, content in zip(entries, CONTENTS.values(), strict=True):
        assert tar[entry.offset : entry.offset + entry.size] == content
        assert entry.source == (str(path) if compression == "none" else None)


@pytest.mark.parametrize("limit", [1, 7, 300, 301])
def test_batches_hold_no_more_than_asked_for(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "layer"
    path.write_bytes(plain_tar())
    entries, reader = tars.read(path, limit)
    assert [entry.path for entry in entries] == list(CONTENTS)
    assert reader.next_batch() == []


def test_a_batch_of_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(plain_tar())
    with pytest.raises(ValueError, match="limit"):
        _core.LayerReader(path).next_batch(0)


@pytest.mark.parametrize(("count", "size"), [(1, 1_000_000), (30_000, 0)], ids=["large", "many"])
def test_large_attributes_and_many_make_batches_short(tmp_path: Path, count: int, size: int) -> None:
    attributes = tars.pax(*((b"SCHILY.xattr.user.%d" % number, bytes(size)) for number in range(count)))
    path = tmp_path / "layer"
    path.write_bytes(b"".join(attributes + tars.entry(b"%d" % index) for index in range(40)) + tars.END)
    reader = _core.LayerReader(path)
    sizes = []
    while batch := reader.next_batch():
        sizes.append(len(batch))
    assert sum(sizes) == 40
    assert max(sizes) < 20


def test_totals_are_unknown_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(plain_tar())
    reader = _core.LayerReader(path)
    assert len(reader.next_batch(300)) == 300
    for name in ("digest", "diff_id", "size", "tar_size"):
        with pytest.raises(ValueError, match="end"):
            getattr(reader, name)
    assert reader.next_batch() == []
    assert reader.tar_size == path.stat().st_size


@pytest.mark.parametrize("tar", [b"", tars.END, bytes(10240), bytes(512)])
def test_a_layer_may_have_no_entries(tmp_path: Path, tar: bytes) -> None:
    path = tmp_path / "layer"
    path.write_bytes(tar)
    entries, reader = tars.read(path)
    assert entries == []
    assert (reader.diff_id, reader.tar_size) == (hashlib.sha256(tar).digest(), len(tar))


@pytest.mark.parametrize("end", [b"", bytes(512), tars.END, tars.END + b"what follows counts, too" * 99999])
def test_all_that_is_stored_counts_whatever_the_end(tmp_path: Path, end: bytes) -> None:
    tar = tars.entry(b"file", b"content") + end
    path = tmp_path / "layer"
    path.write_bytes(tar)
    entries, reader = tars.read(path)
    assert [entry.path for entry in entries] == ["file"]
    assert reader.digest == reader.diff_id == hashlib.sha256(tar).digest()


def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        _core.LayerReader(tmp_path / "gone")
    assert caught.value.filename == str(tmp_path / "gone")
    with pytest.raises(IsADirectoryError) as in_place:
        _core.LayerReader(tmp_path)
    assert in_place.value.filename == str(tmp_path)


def reading_threads() -> int:
    count = 0
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            count += (task / "comm").read_text().startswith("lamella-read")
    return count


def becomes_true(condition: Callable[[], bool]) -> bool:
    """The kernel shows a thread's start and end a moment after they happen."""
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd"])
def test_a_reader_that_is_dropped_stops_its_threads(tmp_path: Path, how: str) -> None:
    path = tmp_path / "layer"
    path.write_bytes(STORED[how][1](plain_tar({"large": os.urandom(20 << 20), "last": b""})))
    reader = _core.LayerReader(path)
    assert becomes_true(lambda: reading_threads() > 0)
    del reader
    assert becomes_true(lambda: reading_threads() == 0)


def test_batches_may_be_taken_by_many_threads(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(gzip.compress(plain_tar()))
    reader = _core.LayerReader(path)
    taken: list[_core.Entry] = []

    def take() -> None:
        while batch := reader.next_batch(10):
            taken.extend(batch)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.path for entry in taken) == sorted(CONTENTS)


@pytest.mark.parametrize("how", STORED)
def test_decompression_gives_the_tar(tmp_path: Path, how: str) -> None:
    tar = plain_tar()
    path, destination = tmp_path / "layer", tmp_path / "tar"
    path.write_bytes(STORED[how][1](tar))
    assert _core.decompress_layer(path, destination) == (hashlib.sha256(tar).digest(), len(tar))
    assert destination.read_bytes() == tar


def test_decompression_replaces_nothing(tmp_path: Path) -> None:
    path, destination = tmp_path / "layer", tmp_path / "tar"
    path.write_bytes(plain_tar())
    destination.write_bytes(b"mine")
    with pytest.raises(FileExistsError) as caught:
        _core.decompress_layer(path, destination)
    assert caught.value.filename == str(destination)
    assert destination.read_bytes() == b"mine"


def test_decompression_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path, destination = tmp_path / "layer", tmp_path / "tar"
    path.write_bytes(gzip.compress(plain_tar())[:-1])
    with pytest.raises(_core.LayerError, match="gzip"):
        _core.decompress_layer(path, destination)
    assert not destination.exists()


def test_entries_are_read_by_tarfile_alike(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in CONTENTS.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    assert list(map(tars.fields, tars.read(path)[0])) == tars.fields_by_tarfile(path)
