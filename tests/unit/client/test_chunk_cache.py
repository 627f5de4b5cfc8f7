from __future__ import annotations

import os
import random
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import Recipe, chunk_recipe
from lamella.client import chunk_cache
from lamella.client.base import Base, find_base
from lamella.client.chunk_cache import ChunkCache
from lamella.errors import NotFound
from lamella.model import Digest

if TYPE_CHECKING:
    from pathlib import Path

CHUNKS = [random.Random(number).randbytes(1000 * number + 1) for number in range(8)]


def put(cache: ChunkCache, *chunks: bytes) -> None:
    with cache.segment() as segment:
        for data in chunks:
            segment.add(Digest.of(data), data)
        segment.commit()


def held(cache: ChunkCache, *chunks: bytes) -> list[bytes]:
    return [data for data in chunks if cache.read(Digest.of(data)) == data]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.chunks"))


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_chunks_are_there_for_this_process_and_the_next(tmp_path: Path) -> None:
    cache, other = ChunkCache(tmp_path / "cache"), ChunkCache(tmp_path / "cache")
    assert cache.known([Digest.of(b"never")]) == set()
    put(cache, *CHUNKS[:4])
    put(cache, *CHUNKS[4:])
    for one in (cache, other):
        assert held(one, *CHUNKS) == CHUNKS
        assert one.known(map(Digest.of, [*CHUNKS, b"never"])) == set(map(Digest.of, CHUNKS))
    assert cache.read(Digest.of(b"never")) is None


def test_a_segment_that_is_not_committed_leaves_nothing(tmp_path: Path) -> None:
    cache = ChunkCache(tmp_path)
    with suppress(ZeroDivisionError), cache.segment() as segment:
        segment.add(Digest.of(CHUNKS[3]), CHUNKS[3])
        raise ZeroDivisionError
    with cache.segment() as segment:
        segment.commit()
    assert list(tmp_path.iterdir()) == []
    assert not held(cache, *CHUNKS)


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    big = [random.Random(number).randbytes(100_000) for number in range(4)]
    for data in big[:3]:
        put(ChunkCache(tmp_path), data)
    for number, path in enumerate(segments(tmp_path)):
        age(path, 1000 - number)
    cache = ChunkCache(tmp_path, most=250_000)
    assert held(cache, big[0]) == [big[0]]
    put(cache, big[3])
    fresh = ChunkCache(tmp_path)
    assert held(fresh, *big) == [big[0], big[3]]
    # Another process may remove what this one knows of.
    assert held(cache, *big) == [big[0], big[3]]


def test_segments_that_nobody_finishes_are_removed(tmp_path: Path) -> None:
    for name, seconds in (("old", chunk_cache.ABANDONED_SECONDS + 9), ("new", 9)):
        (tmp_path / f".tmp-{name}").touch()
        age(tmp_path / f".tmp-{name}", seconds)
    put(ChunkCache(tmp_path), b"x")
    assert [path.name for path in tmp_path.glob(".tmp-*")] == [".tmp-new"]


@given(st.binary(max_size=200))
def test_a_file_of_any_bytes_is_no_harm(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("cache")
    (folder / "1.chunks").write_bytes(data)
    assert ChunkCache(folder).known([Digest.of(data)]) == set()


@pytest.mark.parametrize("seed", range(20))
def test_damage_is_a_miss_and_never_another_byte(tmp_path: Path, seed: int) -> None:
    put(ChunkCache(tmp_path), *CHUNKS)
    [path] = segments(tmp_path)
    data = bytearray(path.read_bytes())
    dice = random.Random(seed)
    if seed % 2:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    else:
        del data[dice.randrange(len(data)) :]
    path.write_bytes(data)
    cache = ChunkCache(tmp_path)
    for chunk in CHUNKS:
        assert cache.read(Digest.of(chunk)) in (chunk, None)
    assert len(held(cache, *CHUNKS)) < len(CHUNKS)


def test_what_was_found_damaged_can_be_put_again(tmp_path: Path) -> None:
    cache = ChunkCache(tmp_path)
    put(cache, CHUNKS[5])
    [path] = segments(tmp_path)
    path.write_bytes(bytes(len(CHUNKS[5])) + path.read_bytes()[len(CHUNKS[5]) :])
    assert cache.read(Digest.of(CHUNKS[5])) is None
    assert cache.known([Digest.of(CHUNKS[5])]) == set()
    put(cache, CHUNKS[5])
    assert held(cache, CHUNKS[5]) == [CHUNKS[5]]


def test_an_entry_that_leads_out_of_its_segment_is_none(tmp_path: Path) -> None:
    put(ChunkCache(tmp_path), b"x")
    [path] = segments(tmp_path)
    data = bytearray(path.read_bytes())
    data[1 + 32 + 7] = 0xFF  # the highest byte of the offset
    path.write_bytes(data)
    assert ChunkCache(tmp_path).read(Digest.of(b"x")) is None


def test_a_folder_that_is_removed_meanwhile_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = ChunkCache(tmp_path / "cache")
    put(cache, CHUNKS[1])
    with cache.segment() as segment:
        segment.add(Digest.of(CHUNKS[2]), CHUNKS[2])
        shutil.rmtree(cache.folder)
        assert segment.read(Digest.of(CHUNKS[2])) == CHUNKS[2]
        segment.commit()
    cache.keep_recipe(Digest.of(b"x"), b"recipe")
    assert "not kept" in caplog.text
    assert held(cache, *CHUNKS) == []
    put(cache, CHUNKS[3])
    assert held(cache, *CHUNKS) == [CHUNKS[3]]


def test_a_segment_gives_back_what_it_was_given(tmp_path: Path) -> None:
    with ChunkCache(tmp_path).segment() as segment:
        for data in CHUNKS:
            segment.add(Digest.of(data), data)
        assert [segment.read(Digest.of(data)) for data in CHUNKS] == CHUNKS
        assert segment.read(Digest.of(b"never")) is None


def recipe(name: bytes, *chunks: bytes) -> bytes:
    return chunk_recipe(name * 32, [(Digest.of(data).raw, len(data)) for data in chunks])


def test_recipes_come_back_those_used_last_first(tmp_path: Path) -> None:
    cache = ChunkCache(tmp_path)
    put(cache, *CHUNKS)
    names = [b"a", b"b", b"c"]
    for number, name in enumerate(names):
        cache.keep_recipe(Digest(name * 32), recipe(name, *CHUNKS))
        age(tmp_path / f"{Digest(name * 32).hex}.recipe", 1000 - number)
    assert [found.digest for found in ChunkCache(tmp_path).recipes(2)] == [b"c" * 32, b"b" * 32]
    cache.use_recipe(Digest(b"a" * 32))
    assert next(cache.recipes(1)).digest == b"a" * 32


def test_a_damaged_recipe_is_none(tmp_path: Path) -> None:
    cache = ChunkCache(tmp_path)
    put(cache, *CHUNKS)
    cache.keep_recipe(Digest(b"a" * 32), recipe(b"a", *CHUNKS)[:-1])
    assert list(cache.recipes(9)) == []


def test_a_base_has_most_in_common_and_all_of_its_chunks(tmp_path: Path) -> None:
    cache = ChunkCache(tmp_path)
    put(cache, *CHUNKS[:6])
    for name, count in ((b"a", 2), (b"b", 4), (b"c", 8)):
        cache.keep_recipe(Digest(name * 32), recipe(name, *CHUNKS[:count]))
    base = find_base(cache, Recipe(recipe(b"n", *CHUNKS)))
    assert base is not None
    # The third one's last chunks are not here.
    assert base.digest == Digest(b"b" * 32)
    whole = b"".join(CHUNKS[:4])
    assert base.read([(0, 10), (1500, 2000)]) == whole[:10] + whole[1500:3500]
    assert base.read([]) == b""
    assert find_base(cache, Recipe(recipe(b"n", b"other"))) is None
    # A blob is no base of itself.
    assert find_base(ChunkCache(tmp_path / "none"), Recipe(recipe(b"n", *CHUNKS))) is None


def test_a_base_whose_chunks_are_lost_cannot_be_read(tmp_path: Path) -> None:
    cache = ChunkCache(tmp_path)
    put(cache, *CHUNKS)
    base = Base(Recipe(recipe(b"a", *CHUNKS)), cache)
    for path in segments(tmp_path):
        path.unlink()
    with pytest.raises(NotFound):
        base.read([(0, 10)])
