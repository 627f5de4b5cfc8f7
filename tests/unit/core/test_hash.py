"""SHA-256 of buffers and files, against hashlib."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella import _core

if TYPE_CHECKING:
    from pathlib import Path

BOUNDARIES = [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 4096, 4097, 1 << 20]


@pytest.mark.parametrize("length", BOUNDARIES)
def test_a_buffer_has_the_digest_that_hashlib_gives(length: int) -> None:
    data = bytes(index * 7 % 251 for index in range(length))
    assert _core.sha256(data) == hashlib.sha256(data).digest()


@given(st.lists(st.binary(max_size=300)))
def test_pieces_have_the_digest_of_the_whole(pieces: list[bytes]) -> None:
    hasher = _core.Sha256()
    for piece in pieces:
        hasher.update(piece)
    assert hasher.digest() == hashlib.sha256(b"".join(pieces)).digest()


def test_more_may_follow_a_digest() -> None:
    hasher = _core.Sha256()
    assert hasher.digest() == hashlib.sha256().digest()
    hasher.update(b"one")
    assert hasher.digest() == hasher.digest() == hashlib.sha256(b"one").digest()
    hasher.update(b"two")
    assert hasher.digest() == hashlib.sha256(b"onetwo").digest()


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, lambda data: memoryview(b"?" + data)[1:]])
def test_every_contiguous_buffer_is_taken(wrap: type) -> None:
    assert _core.sha256(wrap(b"lamella" * 9999)) == hashlib.sha256(b"lamella" * 9999).digest()


def test_a_buffer_with_gaps_is_refused() -> None:
    with pytest.raises(BufferError, match="contiguous"):
        _core.sha256(memoryview(b"abcd")[::2])


@pytest.mark.parametrize("value", ["text", None, 1])
def test_what_is_no_buffer_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        _core.sha256(value)  # type: ignore[arg-type]  # the wrong type is what is tested


def test_updates_from_many_threads_all_count() -> None:
    hasher = _core.Sha256()
    piece = bytes(100_000)
    threads = [threading.Thread(target=hasher.update, args=(piece,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hasher.digest() == hashlib.sha256(piece * 8).digest()


@pytest.mark.parametrize("size", [0, 1, 256 << 10, (256 << 10) + 1, 3 << 20])
def test_a_file_gives_its_digest_and_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xa5" * size)
    assert _core.hash_file(path) == _core.hash_file(str(path)) == (hashlib.sha256(b"\xa5" * size).digest(), size)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_many_files_keep_their_order(tmp_path: Path, threads: int) -> None:
    paths = [tmp_path / f"{index}" for index in range(100)]
    for index, path in enumerate(paths):
        path.write_bytes(bytes([index]) * index * 100)
    expected = [(hashlib.sha256(path.read_bytes()).digest(), path.stat().st_size) for path in paths]
    assert _core.hash_files(paths, threads) == expected


def test_no_files_give_no_digests() -> None:
    assert _core.hash_files([]) == []


def test_the_first_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    paths = [tmp_path / name for name in ("there", "gone", "also-gone")]
    with pytest.raises(FileNotFoundError) as caught:
        _core.hash_files(paths)
    assert caught.value.filename == str(tmp_path / "gone")
    assert caught.value.strerror == "No such file or directory"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as caught:
        _core.hash_file(tmp_path)
    assert caught.value.filename == str(tmp_path)
