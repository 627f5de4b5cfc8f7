"""Blobs as chunks and literals: every byte comes back, and what did not change keeps its chunks."""

from __future__ import annotations

import gzip
import hashlib
import random
from typing import TYPE_CHECKING, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import Chunker, LayerError, Recipe, read_pack_footer
from tests.unit.core.cold import SMALL_SIZES, Options, freeze, rebuild, split
from tests.unit.core.tars import END, entry, header, padded, pax

if TYPE_CHECKING:
    from pathlib import Path

    from lamella._core import ChunkBatch

TINY = 1024
"""Contents up to this size are literals."""

SPARSE = (
    pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"99999"))
    + header(b"sparse", 512 + 2000)
    + padded(b"1\n0\n2000\n")
    + padded(b"s" * 2000)
)

PARTS = [
    entry(b"tiny", b"t" * TINY),
    entry(b"larger", b"l" * (TINY + 1)),
    entry(b"link", type_flag=b"1", link=b"tiny"),
    entry(b"folder/", type_flag=b"5"),
    entry(b"./././@LongLink", b"n" * 300 + b"\0", b"L"),
    pax((b"path", b"p" * 5000)),
    SPARSE,
    header(b"broken", 100),
    b"not a header" * 100,
    END,
    bytes(100_000),
    random.Random(1).randbytes(5000),
]


def cut(chunker: Chunker) -> dict[bytes, int]:
    """Digests and sizes of all chunks, up to the end of the blob."""
    found: dict[bytes, int] = {}
    while (batch := chunker.next()) is not None:
        found |= dict(zip(split(batch.digests), batch.sizes, strict=True))
    return found


def chunks(path: Path, **options: Unpack[Options]) -> dict[bytes, int]:
    return cut(Chunker(path, **options))


@given(parts=st.lists(st.sampled_from(PARTS), max_size=12), tail=st.binary(max_size=700), most=st.integers(1, 20_000))
def test_every_byte_comes_back(
    parts: list[bytes], tail: bytes, most: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("chunks")
    path, pack = folder / "blob", folder / "pack"
    blob = b"".join(parts) + tail
    path.write_bytes(blob)
    chunker, recipe = freeze(path, pack, most, **SMALL_SIZES)
    whole = hashlib.sha256(blob).digest(), len(blob)
    assert (chunker.digest, chunker.size, chunker.content_digest, chunker.content_size) == whole + whole
    assert rebuild(recipe, read_pack_footer(pack), pack, most=most) == blob
    assert sum(size for _, size in Recipe(recipe).pieces()) == len(blob)


def test_batches_have_the_bytes_that_their_digests_name(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(random.Random(2).randbytes(1 << 20))
    chunker = Chunker(path)
    batches: list[ChunkBatch] = []
    while (batch := chunker.next(200_000)) is not None:
        batches.append(batch)
    whole = b""
    for batch in batches:
        contents = [batch.data(index) for index in range(len(batch))]
        whole += b"".join(contents)
        assert split(batch.digests) == [hashlib.sha256(content).digest() for content in contents]
        assert batch.sizes == [len(content) for content in contents]
        with pytest.raises(IndexError):
            batch.data(len(batch))
    assert whole == path.read_bytes()
    assert len(batches) > 2


def test_the_recipe_does_not_depend_on_the_batches(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"".join(PARTS[:7]) * 300 + END)
    recipes = {freeze(path, tmp_path / f"{most}", most, **SMALL_SIZES)[1] for most in (1, 5000, 1 << 30)}
    assert len(recipes) == 1


def test_headers_padding_and_tiny_contents_are_literals(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    large = random.Random(3).randbytes(5000)
    path.write_bytes(entry(b"tiny", b"t" * TINY) + entry(b"large", large) + END)
    _, recipe = freeze(path, tmp_path / "pack")
    parsed = Recipe(recipe)
    front = entry(b"tiny", b"t" * TINY) + header(b"large", 5000)
    assert parsed.pieces() == [
        (hashlib.sha256(piece).digest(), len(piece)) for piece in (front, large, bytes(-5000 % 512) + END)
    ]
    assert parsed.literal(0) == front
    with pytest.raises(IndexError):
        parsed.literal(1)
    assert (parsed.chunk_count, parsed.chunks()) == (1, hashlib.sha256(large).digest())
    assert parsed.literal_size == path.stat().st_size - 5000


@pytest.mark.parametrize("size", [TINY + 1, 5000, 40_000])
@pytest.mark.parametrize(
    "stamp", ["1f8b0800 0{0}000000 0003", "a70d0d0a 00000000 0{0}000000 00010000"], ids=["gzip", "bytecode"]
)
def test_a_time_at_the_beginning_of_a_content_changes_no_chunk(stamp: str, size: int, tmp_path: Path) -> None:
    body = random.Random(5).randbytes(size)
    found = []
    for time in range(2):
        path = tmp_path / f"{time}"
        content = bytes.fromhex(stamp.format(time)) + body
        path.write_bytes(entry(b"small", b"s") + entry(b"file", content) + entry(b"other", body) + END)
        chunker, recipe = freeze(path, tmp_path / f"{time}.pack", **SMALL_SIZES)
        pack = tmp_path / f"{time}.pack"
        assert rebuild(recipe, read_pack_footer(pack), pack) == path.read_bytes()
        assert chunker.digest == hashlib.sha256(path.read_bytes()).digest()
        found.append(chunks(path, **SMALL_SIZES))
    assert found[0] == found[1]
    assert sum(found[0].values()) == size


def test_a_blob_that_is_no_tar_has_no_literals_for_times(tmp_path: Path) -> None:
    path = tmp_path / "blob.gz"
    path.write_bytes(bytes.fromhex("1f8b0800000000000003") + random.Random(6).randbytes(5000))
    assert Recipe(freeze(path, tmp_path / "pack")[1]).literal_size == 0


def test_contents_keep_their_chunks_when_headers_and_neighbours_change(tmp_path: Path) -> None:
    contents = [random.Random(seed).randbytes(30_000) for seed in range(10)]
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"".join(entry(b"f%d" % number, content) for number, content in enumerate(contents)) + END)
    new.write_bytes(
        b"".join(
            entry(b"f%d" % number, content, mtime=b"%011o\0" % 7)
            for number, content in reversed(list(enumerate(contents)))
        )
        + entry(b"more", b"m" * 2000)
        + END
    )
    before, after = chunks(old, **SMALL_SIZES), chunks(new, **SMALL_SIZES)
    assert set(before) < set(after)
    assert sum(size for digest, size in after.items() if digest not in before) <= 2000


def test_an_insertion_moves_few_cuts(tmp_path: Path) -> None:
    content = random.Random(4).randbytes(2 << 20)
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(content)
    new.write_bytes(content[:700_000] + b"inserted" + content[700_000:])
    before, after = chunks(old), chunks(new)
    assert sum(size for digest, size in after.items() if digest not in before) <= 3 * 262_144


def test_zeros_after_the_end_of_an_archive_are_chunks(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(entry(b"a", b"a") + bytes(10 << 20))
    _, recipe = freeze(path, tmp_path / "pack")
    assert Recipe(recipe).literal_size < 100_000
    assert len(recipe) < 5000


def test_uncompressed_bytes_of_a_layer_are_cut(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "gzip"
    plain.write_bytes(b"".join(PARTS[:7]) * 50 + END)
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    found = Chunker(packed, decompress=True)
    found_chunks = cut(found)
    assert (found.digest, found.size) == (hashlib.sha256(packed.read_bytes()).digest(), packed.stat().st_size)
    assert (found.content_digest, found.content_size) == (
        hashlib.sha256(plain.read_bytes()).digest(),
        plain.stat().st_size,
    )
    recipe = Recipe(found.recipe("some-encoder", b"\1\2"))
    assert (recipe.transform, recipe.parameters) == ("some-encoder", b"\1\2")
    assert (recipe.digest, recipe.size) == (found.digest, found.size)
    assert (recipe.content_digest, recipe.content_size) == (found.content_digest, found.content_size)
    assert found_chunks == chunks(plain)
    for name, parameters in (("no spaces", b""), ("x" * 256, b""), ("", b"1"), ("x", bytes((1 << 20) + 1))):
        with pytest.raises(ValueError, match="transform"):
            found.recipe(name, parameters)


def test_a_damaged_compressed_layer_is_an_error_and_not_a_shorter_blob(tmp_path: Path) -> None:
    path = tmp_path / "gzip"
    path.write_bytes(gzip.compress(b"".join(PARTS[:7]) * 50)[:-6])
    chunker = Chunker(path, decompress=True)
    with pytest.raises(LayerError, match="damaged gzip stream"):
        cut(chunker)
    with pytest.raises(ValueError, match="could not be read"):
        chunker.next()
    with pytest.raises(ValueError, match="could not be read"):
        chunker.recipe()


def test_nothing_is_known_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(bytes(1000))
    chunker = Chunker(path)
    with pytest.raises(ValueError, match="not been cut to its end"):
        assert chunker.digest
    with pytest.raises(ValueError, match="not been cut to its end"):
        chunker.recipe()
    with pytest.raises(FileNotFoundError):
        Chunker(tmp_path / "missing")


@pytest.mark.parametrize(
    ("minimum", "average", "maximum"),
    [(64, 300, 1024), (63, 256, 1024), (512, 256, 1024), (64, 256, 255), (64, 128, 1024), (64, 256, (16 << 20) + 1)],
)
def test_sizes_that_do_not_fit_are_refused(minimum: int, average: int, maximum: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="chunks"):
        Chunker(tmp_path, minimum=minimum, average=average, maximum=maximum)
