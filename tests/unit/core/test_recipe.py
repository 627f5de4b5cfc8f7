"""Recipes: ranges, windows and sources; and that nothing wrong is ever rebuilt."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import Recipe, RecipeError, RecipeReader, chunk_recipe, read_pack_footer
from tests.unit.core.cold import SMALL_SIZES, freeze, rebuild, split
from tests.unit.core.tars import END, entry

if TYPE_CHECKING:
    from pathlib import Path

    Cold = tuple[bytes, bytes, list[tuple[bytes, int, int, int, int, int]], Path]

MAGIC = b"lamella recipe 1\n"


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def sealed(body: bytes) -> bytes:
    """A recipe with a right checksum."""
    return body + struct.pack(">I", zlib.crc32(body))


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Cold:
    """A tar with literals of more than one frame and chunks of many, its recipe, its chunks and its pack."""
    folder = tmp_path_factory.mktemp("cold")
    source = random.Random(1)
    tar = b"".join(entry(b"%d" % number, source.randbytes(source.choice([0, 10, 1000, 4000]))) for number in range(800))
    (folder / "blob").write_bytes(tar + END)
    _, recipe = freeze(folder / "blob", folder / "pack", **SMALL_SIZES)
    return tar + END, recipe, read_pack_footer(folder / "pack"), folder / "pack"


@given(data=st.data())
def test_any_range_is_rebuilt_in_windows_of_any_size(data: st.DataObject, cold: Cold) -> None:
    blob, recipe, rows, pack = cold
    offset = data.draw(st.integers(0, len(blob) + 10))
    length = data.draw(st.none() | st.integers(0, 100_000))
    most = data.draw(st.integers(0, 20_000))
    end = None if length is None else offset + length
    if length is None:
        most += 2000
    assert rebuild(recipe, rows, pack, offset, length, most) == blob[offset:end]


def test_windows_are_about_as_large_as_asked_for(cold: Cold) -> None:
    blob, recipe, rows, pack = cold
    where = {row[0]: row for row in rows}
    reader = RecipeReader(Recipe(recipe))
    sizes = []
    with pack.open("rb") as file:
        while True:
            wanted = split(reader.wanted(300_000))
            assert len(set(wanted)) == len(wanted)
            located = [(name, file.fileno(), *where[name][2:], where[name][1]) for name in wanted]
            data = reader.read(located)
            if data is None:
                break
            sizes.append(len(data))
    assert sum(sizes) == len(blob)
    assert all(size <= 300_000 for size in sizes)
    assert all(size > 300_000 - 262_144 for size in sizes[:-1])


def test_chunks_may_come_from_anywhere(cold: Cold) -> None:
    blob, recipe, rows, pack = cold
    with pack.open("rb") as file:
        chunks = {}
        for row in rows[:50]:
            reader = RecipeReader(Recipe(chunk_recipe(row[0], [(row[0], row[1])])))
            assert reader.wanted() == row[0]
            chunks[row[0]] = reader.read([(row[0], file.fileno(), *row[2:], row[1])])
    blobs = {name: data for name, data in chunks.items() if data is not None}
    assert [digest(data) for data in blobs.values()] == list(blobs)
    assert rebuild(recipe, rows[50:], pack, blobs=blobs) == blob


def test_a_window_can_be_read_again_with_other_sources() -> None:
    whole = b"a" * 100 + b"b" * 50
    recipe = Recipe(chunk_recipe(digest(whole), [(digest(b"a" * 100), 100), (digest(b"b" * 50), 50)]))
    reader = RecipeReader(recipe)
    assert split(reader.wanted()) == [digest(b"a" * 100), digest(b"b" * 50)]
    with pytest.raises(RecipeError, match="has no source") as raised:
        reader.read([], {digest(b"a" * 100): b"a" * 100})
    assert raised.value.digest == digest(b"b" * 50)
    with pytest.raises(RecipeError, match="49 bytes, not 50"):
        reader.read([], {digest(b"a" * 100): b"a" * 100, digest(b"b" * 50): b"b" * 49})
    with pytest.raises(RecipeError, match="the content has the digest") as raised:
        reader.read([], {digest(b"a" * 100): b"a" * 100, digest(b"b" * 50): b"c" * 50})
    assert raised.value.digest is None
    assert reader.read([], {digest(b"a" * 100): b"a" * 100, digest(b"b" * 50): b"b" * 50}) == whole
    assert reader.wanted() == b""
    assert reader.read([]) is None


def test_a_pack_that_is_gone_is_named(cold: Cold) -> None:
    _, recipe, rows, _ = cold
    where = {row[0]: row for row in rows}
    reader = RecipeReader(Recipe(recipe))
    located = [(name, 1 << 20, *where[name][2:], where[name][1]) for name in split(reader.wanted())]
    with pytest.raises(RecipeError, match="cannot be read") as raised:
        reader.read(located)
    assert raised.value.digest in where
    with pytest.raises(ValueError, match="no descriptor"):
        reader.read([(chunk[0], -1, *chunk[2:]) for chunk in located])


def test_no_window_without_wanted() -> None:
    reader = RecipeReader(Recipe(chunk_recipe(digest(b"a"), [(digest(b"a"), 1)])))
    assert reader.read([], {digest(b"a"): b"a"}) is None
    reader.wanted()
    assert reader.read([], {digest(b"a"): b"a"}) == b"a"


@given(data=st.data())
def test_a_recipe_with_a_flipped_bit_is_refused(data: st.DataObject, cold: Cold) -> None:
    recipe = bytearray(cold[1])
    bit = data.draw(st.integers(0, 8 * len(recipe) - 1))
    recipe[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RecipeError, match="recipe offset") as raised:
        Recipe(recipe)
    assert raised.value.digest is None


@given(data=st.data())
def test_a_malformed_recipe_is_refused_whatever_its_checksum(data: st.DataObject, cold: Cold) -> None:
    blob, recipe, rows, pack = cold
    body = bytearray(recipe[:-4])
    # Among the numbers, where it hurts, rather than in digests and literals.
    position = data.draw(st.integers(49, 900) | st.integers(0, len(body) - 1))
    body[position] = data.draw(st.integers(0, 255))
    try:
        assert rebuild(sealed(bytes(body)), rows, pack) == blob
    except RecipeError:
        pass
    else:
        assert bytes(body) == recipe[:-4] or position < 49


def test_a_recipe_cut_short_anywhere_is_refused(cold: Cold) -> None:
    short = chunk_recipe(digest(b"a"), [(digest(b"a"), 1)])
    for length in range(len(short) - 4):
        for cut in (short[:length], sealed(short[:length])):
            with pytest.raises(RecipeError, match="recipe offset"):
                Recipe(cut)
    with pytest.raises(RecipeError):
        Recipe(sealed(cold[1][:-5]))
    with pytest.raises(RecipeError):
        Recipe(sealed(short[:-4] + b"\0"))


def test_a_recipe_of_nothing_is_that_of_the_empty_blob() -> None:
    empty = Recipe(chunk_recipe(digest(b""), []))
    assert RecipeReader(empty).read([]) is None
    with pytest.raises(RecipeError, match="the content is empty"):
        Recipe(chunk_recipe(digest(b"a"), []))


def test_a_recipe_is_made_of_chunks_and_bytes() -> None:
    whole = b"head" + b"c" * 100 + b"tail"
    chunk = digest(b"c" * 100)
    recipe = Recipe(chunk_recipe(digest(whole), [b"he", b"", bytearray(b"ad"), (chunk, 100), memoryview(b"tail")]))
    assert recipe.pieces() == [(digest(b"head"), 4), (chunk, 100), (digest(b"tail"), 4)]
    reader = RecipeReader(recipe)
    assert reader.wanted() == chunk
    assert reader.read([], {chunk: b"c" * 100}) == whole


def test_chunks_have_sizes(cold: Cold) -> None:
    name = digest(b"a")
    for size in (0, 1 << 31):
        with pytest.raises(ValueError, match="a recipe takes"):
            chunk_recipe(name, [(name, size)])
    recipe = Recipe(chunk_recipe(digest(b""), []))
    assert (recipe.size, recipe.chunk_count, recipe.pieces()) == (0, 0, [])
    assert RecipeReader(recipe).wanted() == b""
    assert Recipe(cold[1]).digest == digest(cold[0])


def test_a_recipe_tells_its_bytes_and_its_longest_piece() -> None:
    data = chunk_recipe(bytes(32), [(bytes(32), 1000), bytes(3000), (bytes(32), 2000)])
    recipe = Recipe(data)
    assert (recipe.file_size, recipe.longest_piece) == (len(data), 3000)
    assert b"".join(recipe.part(offset, 7) for offset in range(0, len(data), 7)) == data
    assert recipe.part(len(data), 7) == b""
    assert recipe.part(len(data) + 1, 7) == b""
    assert Recipe(chunk_recipe(digest(b""), [])).longest_piece == 0
