"""Packs: what is written is read, and every flipped bit is found."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import (
    Chunker,
    PackWriter,
    Recipe,
    RecipeError,
    RecipeReader,
    chunk_recipe,
    read_chunks,
    read_pack_footer,
    verify_pack,
)
from tests.unit.core.cold import SMALL_SIZES, freeze, rebuild

if TYPE_CHECKING:
    from pathlib import Path

FRAME = 256 << 10


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def write(path: Path, blobs: list[bytes], level: int = 3) -> list[tuple[bytes, int, int, int, int, int]]:
    writer = PackWriter(path.parent, level=level)
    for blob in blobs:
        writer.add_blob(digest(blob), blob)
    rows = writer.finish()
    assert writer.publish(path)
    return rows


@given(sizes=st.lists(st.integers(1, 100_000), max_size=20))
def test_a_pack_is_as_its_format_says(sizes: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("packs") / "pack"
    blobs = [random.Random(size).randbytes(size) for size in dict.fromkeys(sizes)]
    rows = write(path, blobs)
    data = path.read_bytes()
    assert data.startswith(b"lamella pack 1\n")
    assert data.endswith(b"end of pack\n")
    frame_count, chunk_count, checksum = struct.unpack(">III", data[-24:-12])
    footer = data[-24 - 12 * frame_count - 36 * chunk_count : -24]
    assert zlib.crc32(footer + data[-24:-16]) == checksum
    frames = list(struct.iter_unpack(">III", footer[: 12 * frame_count]))
    chunks = iter(struct.iter_unpack(">32sI", footer[12 * frame_count :]))
    found: list[tuple[bytes, int, int, int, int, int]] = []
    position = 15
    for length, size, count in frames:
        frame = data[position : position + length]
        assert zlib.crc32(frame[:-4]) == struct.unpack(">I", frame[-4:])[0]
        content = zstandard.decompress(frame[:-4])
        assert len(content) == size <= FRAME
        start = 0
        for _ in range(count):
            name, chunk_size = next(chunks)
            assert content[start : start + chunk_size] == blobs[len(found)]
            found.append((name, chunk_size, position, length, size, start))
            start += chunk_size
        position += length
    assert position == len(data) - 24 - len(footer)
    assert rows == found == read_pack_footer(path)
    assert [row[0] for row in rows] == [digest(blob) for blob in blobs]
    assert verify_pack(path) == []


def test_a_blob_is_stored_once(tmp_path: Path) -> None:
    rows = write(tmp_path / "pack", [b"one", b"two", b"one"])
    assert [row[0] for row in rows] == [digest(b"one"), digest(b"two")]


def test_batches_and_blobs_share_frames(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(random.Random(1).randbytes(10_000))
    batch = Chunker(path, **SMALL_SIZES).next()
    assert batch is not None
    writer = PackWriter(tmp_path)
    writer.add_blob(digest(b"blob"), b"blob")
    writer.add(batch, [2, 0])
    with pytest.raises(IndexError):
        writer.add(batch, [1, len(batch)])
    rows = writer.finish()
    assert [row[0] for row in rows] == [digest(b"blob"), batch.digests[64:96], batch.digests[:32]]
    assert len({row[2] for row in rows}) == 1
    writer.close()
    assert [name for name in tmp_path.iterdir() if name != path] == []


def test_what_a_pack_cannot_hold_is_refused(tmp_path: Path) -> None:
    writer = PackWriter(tmp_path)
    for blob in (b"", bytes(FRAME + 1)):
        with pytest.raises(ValueError, match="a pack takes 1 to 262144"):
            writer.add_blob(digest(blob), blob)
    with pytest.raises(ValueError, match="not finished"):
        writer.publish(tmp_path / "pack")
    writer.add_blob(digest(bytes(FRAME)), bytes(FRAME))
    writer.finish()
    with pytest.raises(ValueError, match="takes no more"):
        writer.add_blob(digest(b"late"), b"late")
    with pytest.raises(FileNotFoundError):
        writer.publish(tmp_path / "missing" / "pack")
    (tmp_path / "taken").touch()
    assert not writer.publish(tmp_path / "taken")
    with pytest.raises(ValueError, match="no zstd level"):
        PackWriter(tmp_path, level=100)


@given(data=st.data())
def test_every_flipped_bit_is_found_and_none_is_served(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("packs")
    path, pack = folder / "blob", folder / "pack"
    blob = random.Random(1).randbytes(3000)
    path.write_bytes(blob)
    _, recipe = freeze(path, pack, **SMALL_SIZES)
    rows = read_pack_footer(pack)
    sound = pack.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(sound) - 1))
    flipped = bytearray(sound)
    flipped[bit // 8] ^= 1 << bit % 8
    pack.unlink()
    pack.write_bytes(flipped)
    assert verify_pack(pack) != []
    in_frame = 15 <= bit // 8 < rows[0][2] + rows[0][3]
    if in_frame:
        assert {damage[0] for damage in verify_pack(pack)} == {row[0] for row in rows}
        with pytest.raises(RecipeError, match="pack offset 15, chunk sha256:") as raised:
            rebuild(recipe, rows, pack)
        assert raised.value.digest == rows[0][0]
    else:
        assert rebuild(recipe, rows, pack) == blob
        with pytest.raises(RecipeError, match="pack offset") as raised:
            read_pack_footer(pack)
        assert raised.value.digest is None


def test_a_pack_cut_short_anywhere_is_found(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    write(pack, [b"a" * 100, b"b" * 50])
    sound = pack.read_bytes()
    for length in range(len(sound)):
        pack.unlink()
        pack.write_bytes(sound[:length])
        with pytest.raises(RecipeError, match="pack offset"):
            read_pack_footer(pack)
        assert verify_pack(pack) != []


def test_a_chunk_with_another_digest_is_found(tmp_path: Path) -> None:
    writer = PackWriter(tmp_path)
    writer.add_blob(digest(b"sound"), b"sound")
    writer.add_blob(digest(b"false"), b"other")
    writer.finish()
    writer.publish(tmp_path / "pack")
    assert verify_pack(tmp_path / "pack") == [(digest(b"false"), 15, "the chunk has another digest")]


@pytest.mark.parametrize("field", [2, 3, 4, 5, 6])
def test_an_index_that_is_wrong_serves_nothing(field: int, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    blobs = [b"a" * 100, b"b" * 50]
    rows = write(pack, blobs)
    recipe = Recipe(chunk_recipe(digest(b"".join(blobs)), [(row[0], row[1]) for row in rows]))
    with pack.open("rb") as file:
        for delta in (-1, 1, 1 << 30):
            name, size, *place = rows[1]
            located = [name, file.fileno(), *place, size]
            located[field] = max(0, located[field] + delta)  # type: ignore[operator]
            reader = RecipeReader(recipe)
            reader.wanted()
            with pytest.raises(RecipeError):
                reader.read([(rows[0][0], file.fileno(), *rows[0][2:], rows[0][1]), tuple(located)])  # type: ignore[list-item]
            with pytest.raises(RecipeError) as caught:
                read_chunks([tuple(located)])  # type: ignore[list-item]
            assert caught.value.digest == name
