"""Tars and compressed streams that are damaged, contradictory or made to hurt: always an error that says where."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from lamella import _core
from tests.unit.core import tars
from tests.unit.core.tars import END, RECORD, entry, header, padded, pax

if TYPE_CHECKING:
    from pathlib import Path


def base_256(value: int, width: int) -> bytes:
    return b"\x80" + value.to_bytes(width - 1, "big")


def read(tmp_path: Path, tar: bytes) -> list[_core.Entry]:
    path = tmp_path / "layer"
    path.write_bytes(tar)
    return tars.read(path)[0]


def old_sparse(*segments: tuple[int, int], realsize: int, more: bool = False) -> bytes:
    """The end of an old GNU header, from byte 345 on."""
    fields = b"".join(b"%011o\0%011o\0" % segment for segment in segments)
    return bytes(41) + fields.ljust(96, b"\0") + bytes([more]) + b"%011o\0" % realsize


GNU = {"magic": b"ustar  \0"}


def test_a_checksum_of_signed_bytes_is_right(tmp_path: Path) -> None:
    block = header("ü".encode())
    signed = sum(byte - 256 if byte > 127 else byte for byte in block[:148] + b" " * 8 + block[156:])
    assert signed != sum(block[:148] + b" " * 8 + block[156:])
    (found,) = read(tmp_path, header("ü".encode(), checksum=b"%06o\0 " % signed))
    assert found.path == "ü"


@pytest.mark.parametrize("type_flag", [b"7", b"A", b"Z", b"s", b"\xff"])
def test_unknown_types_are_files(tmp_path: Path, type_flag: bytes) -> None:
    found, after = read(tmp_path, entry(b"odd", b"content", type_flag) + entry(b"after") + END)
    assert (found.kind, found.digest) == ("file", hashlib.sha256(b"content").digest())
    assert after.path == "after"


@pytest.mark.parametrize("type_flag", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_only_files_have_data_whatever_the_size_says(tmp_path: Path, type_flag: bytes) -> None:
    first, after = read(tmp_path, header(b"first", 5000, type_flag) + entry(b"after") + END)
    assert (first.size, first.digest) == (0, None)
    assert after.path == "after"


def test_a_v7_name_that_ends_with_a_slash_is_a_folder(tmp_path: Path) -> None:
    folder, file = read(tmp_path, header(b"folder/", type_flag=b"\0") + header(b"file", type_flag=b"\0"))
    assert (folder.kind, folder.path) == ("directory", "folder")
    assert (file.kind, file.path) == ("file", "file")


def test_modes_lose_all_but_permission_bits(tmp_path: Path) -> None:
    assert read(tmp_path, header(b"file", mode=b"0104755\0"))[0].mode == 0o4755


def test_prefixes_are_joined_where_the_layout_has_one(tmp_path: Path) -> None:
    rest = b"prefix".ljust(155, b"\0")
    star = b"prefix".ljust(131, b"\0") + b"00000000000 00000000000 " + b"\0" * 8 + b"tar\0"
    for overrides, path in [
        ({"rest": rest}, "prefix/name"),
        ({"rest": star}, "prefix/name"),
        ({"rest": rest, "magic": b"ustar  \0"}, "name"),
        ({"rest": rest, "magic": b""}, "name"),
    ]:
        assert read(tmp_path, header(b"name", **overrides))[0].path == path, overrides


def test_global_headers_hold_until_they_are_overridden(tmp_path: Path) -> None:
    common = pax((b"uid", b"7"), (b"gid", b"8"), (b"SCHILY.xattr.user.ignored", b"1"), type_flag=b"g")
    one, two, three, four = read(
        tmp_path,
        common
        + entry(b"one")
        + pax((b"uid", b"9"))
        + entry(b"two")
        + pax((b"uid", b""))
        + entry(b"three")
        + pax((b"gid", b""), type_flag=b"g")
        + entry(b"four")
        + END,
    )
    assert [(each.uid, each.gid) for each in (one, two, three, four)] == [(7, 8), (9, 8), (0, 8), (7, 0)]
    assert one.xattrs == {}


def test_only_the_last_of_several_extended_headers_counts(tmp_path: Path) -> None:
    (found,) = read(tmp_path, pax((b"uid", b"1"), (b"gid", b"1")) + pax((b"uid", b"2")) + entry(b"file"))
    assert (found.uid, found.gid) == (2, 0)


def test_a_pax_size_takes_the_place_of_the_header(tmp_path: Path) -> None:
    found, after = read(tmp_path, pax((b"size", b"600")) + header(b"file", 0) + padded(b"x" * 600) + entry(b"after"))
    assert found.digest == hashlib.sha256(b"x" * 600).digest()
    assert after.path == "after"


@pytest.mark.parametrize("way", ["pax", "gnu"])
def test_the_longest_path_is_read_and_a_longer_one_refused(tmp_path: Path, way: str) -> None:
    def named(path: bytes) -> bytes:
        extension = pax((b"path", path)) if way == "pax" else entry(b"././@LongLink", path + b"\0", b"L")
        return extension + entry(b"file")

    limit = 64 << 10
    assert read(tmp_path, named(b"p" * limit))[0].path == "p" * limit
    with pytest.raises(_core.LayerError, match=r"limited to 6553[67], not 6553[78]"):
        read(tmp_path, named(b"p" * (limit + 1)))


def test_holes_are_hashed_as_zeros(tmp_path: Path) -> None:
    size = 1 << 30
    rest = old_sparse((size - 3, 3), realsize=size)
    (found,) = read(tmp_path, header(b"holes", 3, b"S", rest=rest, **GNU) + padded(b"end") + END)
    assert (found.size, found.source) == (size, None)
    expected = hashlib.sha256()
    for _ in range(1023):
        expected.update(bytes(1 << 20))
    expected.update(bytes((1 << 20) - 3) + b"end")
    assert found.digest == expected.digest()


LARGE = base_256(1 << 62, 12)
SPARSE_1_0 = [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"holes")]


def sparse_1_0(map_: bytes, realsize: int) -> bytes:
    return pax(*SPARSE_1_0, (b"GNU.sparse.realsize", b"%d" % realsize)) + entry(b"GNUSparse/holes", map_)


HOSTILE = {
    "no-tar": (b"this is no tar" * 100, "offset 512: .*checksum"),
    "wrong-checksum": (entry(b"ok") + header(b"x", checksum=b"0000000\0"), "offset 1024: .*checksum"),
    "checksum-no-number": (header(b"x", checksum=b"zzzzzzz\0"), "checksum"),
    "size-no-number": (header(b"x", b"12x45"), r'entry "x": size is "12x45'),
    "size-negative": (header(b"x", b"\xff" * 12), "size"),
    "size-beyond-64-bits": (header(b"x", base_256(1 << 80, 12)), "size"),
    "size-beyond-signed": (header(b"x", base_256(1 << 63, 12)), "size"),
    "size-never-stored": (header(b"x", LARGE), 'entry "x": .*content'),
    "uid-negative": (header(b"x", uid=b"\xff" * 8), "uid"),
    "uid-too-large": (header(b"x", uid=base_256(1 << 32, 8)), "uid is .* 4294967295"),
    "gid-no-number": (header(b"x", gid=b"-1"), "gid"),
    "mode-no-number": (header(b"x", mode=b"rwx"), "mode"),
    "device-no-number": (header(b"x", type_flag=b"3", devices=b"-1"), "device major"),
    "lone-zero-block": (entry(b"x") + bytes(RECORD) + entry(b"y"), "zeros"),
    "pax-too-large": (header(b"pax", (1 << 20) + 1, b"x"), "limited to 1048576, not 1048577"),
    "pax-never-stored": (header(b"pax", 1 << 20, b"x"), "extended header"),
    "pax-record-too-long": (entry(b"pax", b"99 path=x\n", b"x") + entry(b"x"), "longer"),
    "pax-record-length": (entry(b"pax", b"8 path=x\n", b"x") + entry(b"x"), "length"),
    "pax-record-key": (entry(b"pax", b"6 =12\n", b"x") + entry(b"x"), "key"),
    "pax-no-record": (entry(b"pax", b"path=x", b"x") + entry(b"x"), "length"),
    "pax-global-malformed": (entry(b"pax", b"99 path=x\n", b"g") + entry(b"x"), "longer"),
    "pax-global-path": (
        pax((b"path", b"p" * 65537), type_flag=b"g") + pax((b"path", b"x")) + entry(b"x"),
        "limited to 65536, not 65537",
    ),
    "pax-global-link": (pax((b"linkpath", b"p" * 65537), type_flag=b"g") + entry(b"x"), "limited to 65536, not 65537"),
    "pax-size": (pax((b"size", b"-1")) + entry(b"x"), "size"),
    "pax-uid": (pax((b"uid", b"4294967296")) + entry(b"x"), "uid"),
    "pax-path-nul": (pax((b"path", b"a\0b")) + entry(b"x"), "NUL"),
    "pax-link-nul": (pax((b"linkpath", b"a\0b")) + entry(b"x", type_flag=b"2"), "NUL"),
    "pax-then-end": (pax((b"path", b"x")) + END, "followed by no entry"),
    "long-name-then-end": (entry(b"long", b"x\0", b"L"), "followed by no entry"),
    "long-name-never-stored": (header(b"long", 65536, b"L"), "extended header"),
    "long-name-size": (header(b"long", LARGE, b"K"), "limited"),
    "truncated-header": (entry(b"ok") + header(b"x")[:100], "within a header"),
    "truncated-content": (header(b"x", 1000) + b"short", 'entry "x": the tar ends within the content'),
    "truncated-padding": (header(b"x", 5) + b"12345", "padding"),
    "truncated-sparse-map": (header(b"x", 0, b"S", rest=old_sparse(realsize=0, more=True), **GNU), "sparse map"),
    "sparse-overlap": (header(b"x", 8, b"S", rest=old_sparse((4, 4), (6, 4), realsize=10), **GNU), "overlap"),
    "sparse-disorder": (header(b"x", 8, b"S", rest=old_sparse((6, 4), (0, 4), realsize=10), **GNU), "order"),
    "sparse-after-end": (header(b"x", 8, b"S", rest=old_sparse((6, 8), realsize=10), **GNU), "end after"),
    "sparse-other-length": (header(b"x", 9, b"S", rest=old_sparse((0, 8), realsize=10), **GNU), "stored data"),
    "sparse-hole": (
        pax((b"GNU.sparse.size", b"%d" % ((64 << 30) + 1)), (b"GNU.sparse.numblocks", b"0")) + entry(b"x"),
        "bytes of holes is limited to 68719476736, not 68719476737",
    ),
    "sparse-version": (pax((b"GNU.sparse.major", b"2"), (b"GNU.sparse.minor", b"0")) + entry(b"x"), "version"),
    "sparse-no-size": (pax((b"GNU.sparse.map", b"0,0"), (b"GNU.sparse.numblocks", b"1")) + entry(b"x"), "no size"),
    "sparse-odd-map": (pax((b"GNU.sparse.map", b"0,1,2")) + entry(b"x"), "no length"),
    "sparse-bad-map": (pax((b"GNU.sparse.map", b"0,x")) + entry(b"x"), "map"),
    "sparse-count": (pax((b"GNU.sparse.map", b"0,0"), (b"GNU.sparse.numblocks", b"2")) + entry(b"x"), "announced"),
    "sparse-no-offset": (pax((b"GNU.sparse.numbytes", b"1")) + entry(b"x"), "no offset"),
    "sparse-no-length": (pax((b"GNU.sparse.offset", b"1")) + entry(b"x"), "no length"),
    "sparse-name-nul": (pax((b"GNU.sparse.name", b"a\0b")) + entry(b"x"), "NUL"),
    "sparse-1.0-not-in-data": (sparse_1_0(b"9999\n", 0), "longer than the data"),
    "sparse-1.0-no-number": (sparse_1_0(padded(b"1\nx\n"), 0), "number in a sparse map"),
    "sparse-1.0-long-line": (sparse_1_0(b"1" * 2000, 0), "too long|number"),
    "sparse-1.0-other-length": (sparse_1_0(padded(b"1\n0\n5\n") + b"1234", 9), "stored data"),
}


def exhaust(reader: _core.LayerReader) -> None:
    while reader.next_batch():
        pass


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_tar_is_refused_with_the_place_and_the_reason(tmp_path: Path, name: str) -> None:
    tar, message = HOSTILE[name]
    path = tmp_path / "layer"
    path.write_bytes(tar)
    reader = _core.LayerReader(path)
    with pytest.raises(_core.LayerError, match=message) as first:
        exhaust(reader)
    assert str(first.value).startswith("tar offset ")
    with pytest.raises(_core.LayerError) as again:
        reader.next_batch()
    assert str(again.value) == str(first.value), "the reader stays at its error"
    with pytest.raises(ValueError, match="end"):
        _ = reader.diff_id


@pytest.mark.parametrize("segments", [(1 << 20) + 1, 99_999_999])
def test_a_sparse_map_is_bounded(tmp_path: Path, segments: int) -> None:
    lines = b"%d\n" % segments + b"0\n" * 2 * min(segments, (1 << 20) + 1)
    with pytest.raises(_core.LayerError, match="segments of a sparse file is limited to 1048576, not 1048577"):
        read(tmp_path, sparse_1_0(padded(lines), 0))


PARTS = [
    entry(b"folder/", type_flag=b"5"),
    entry(b"folder/file", b"content" * 200),
    pax((b"path", b"long" * 50), (b"uid", b"12345"), (b"SCHILY.xattr.user.note", b"value"))
    + entry(b"short", bytes(512)),
    entry(b"././@LongLink", b"target" * 40 + b"\0", b"K") + entry(b"link", type_flag=b"2", link=b"target"),
    header(b"sparse", 6, b"S", rest=old_sparse((10, 3), (20, 3), realsize=30), **GNU) + padded(b"onetwo"),
    sparse_1_0(padded(b"2\n5\n2\n10\n2\n") + b"abcd", 20),
    entry(b"last", b"1"),
    END[:RECORD],
    END[RECORD:],
]
VALID = b"".join(PARTS)


def outcome(path: Path) -> list[_core.Entry] | None:
    """What a layer holds, or None where it is refused. Whatever else happens is a fault."""
    reader = _core.LayerReader(path)
    entries: list[_core.Entry] = []
    try:
        while batch := reader.next_batch():
            entries += batch
    except _core.LayerError:
        return None
    stored = path.read_bytes()
    assert (reader.digest, reader.size) == (hashlib.sha256(stored).digest(), len(stored))
    return entries


def test_a_truncated_tar_passes_only_where_an_entry_ends(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(VALID)
    whole = outcome(path)
    assert whole is not None
    ends = list(itertools.accumulate(map(len, PARTS), initial=0))
    near_records = {record + delta for record in range(0, len(VALID), RECORD) for delta in (-1, 1)}
    for length in sorted({*range(0, len(VALID), 32), *near_records, len(VALID)} - {-1}):
        path.write_bytes(VALID[:length])
        found = outcome(path)
        assert found == (whole[: ends.index(length)] if length in ends else None), length


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@example([(156, 0x4C)])
def test_random_damage_gives_entries_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    tar = bytearray(VALID)
    for position, value in damage:
        tar[position] = value
    path = tmp_path_factory.mktemp("damage") / "layer"
    path.write_bytes(tar)
    outcome(path)


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4))
def test_random_fields_under_a_right_checksum_give_entries_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, bytes]]
) -> None:
    tar = bytearray(VALID)
    for position, value in damage:
        tar[position : position + len(value)] = value[: len(tar) - position]
        start = position - position % RECORD
        block = tar[start : start + RECORD]
        tar[start + 148 : start + 156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 8 * 32)
    path = tmp_path_factory.mktemp("damage") / "layer"
    path.write_bytes(tar[: len(VALID)])
    outcome(path)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def zstd_with_window_of_256_mib(data: bytes) -> bytes:
    """As a stream, since a frame of known size asks for no larger window than it needs."""
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(data) + compressor.flush()


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


TAR = entry(b"file", bytes(range(256)) * 100) + END

DAMAGED = {
    "gzip-header-alone": (b"\x1f\x8b\x08", "ends within a member"),
    "gzip-truncated-data": (gzip.compress(TAR)[:-20], "ends within a member"),
    "gzip-truncated-trailer": (gzip.compress(TAR)[:-1], "ends within a member"),
    "gzip-wrong-checksum": (flipped(gzip.compress(TAR), -6), "data check"),
    "gzip-wrong-length": (flipped(gzip.compress(TAR), -1), "length check"),
    "gzip-damaged-data": (flipped(gzip.compress(TAR), 15), "damaged gzip stream"),
    "gzip-garbage-after": (gzip.compress(TAR) + b"garbage", "header"),
    "gzip-zeros-after": (gzip.compress(TAR) + bytes(8), "header"),
    "gzip-truncated-member-after": (gzip.compress(TAR) + b"\x1f\x8b", "ends within a member"),
    "zstd-header-alone": (b"\x28\xb5\x2f\xfd", "ends within a frame"),
    "zstd-truncated": (zstd(TAR)[:-1], "ends within a frame"),
    "zstd-wrong-checksum": (flipped(zstd(TAR), -1), "checksum"),
    "zstd-garbage-after": (zstd(TAR) + b"garbage", "zstd stream"),
    "zstd-window": (zstd_with_window_of_256_mib(TAR), "too much memory"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_stream_is_refused(tmp_path: Path, name: str) -> None:
    stored, message = DAMAGED[name]
    path = tmp_path / "layer"
    path.write_bytes(stored)
    with pytest.raises(_core.LayerError, match=message):
        tars.read(path)
    with pytest.raises(_core.LayerError, match=message):
        _core.decompress_layer(path, tmp_path / "tar")


@pytest.mark.slow
def test_memory_stays_bounded_however_large_a_file_grows(tmp_path: Path) -> None:
    size = 1 << 30
    path = tmp_path / "layer"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header(b"bomb", size))
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
        file.write(END)
    script = (
        "import resource, sys; from lamella import _core\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); reader = _core.LayerReader(sys.argv[1])\n"
        "while reader.next_batch(): pass\n"
        "print(reader.tar_size, peak() - before)"
    )
    output = subprocess.run([sys.executable, "-c", script, path], check=True, capture_output=True, text=True).stdout
    tar_size, kibibytes = map(int, output.split())
    assert tar_size == size + 3 * RECORD
    assert kibibytes < 16 << 10
