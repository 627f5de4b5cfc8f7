"""Turning a file into a pack and a recipe, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

from lamella._core import Chunker, PackWriter, Recipe, RecipeReader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DIGEST = 32


class Options(TypedDict, total=False):
    """Of a chunker."""

    minimum: int
    average: int
    maximum: int
    decompress: bool


SMALL_SIZES: Options = {"minimum": 64, "average": 256, "maximum": 1024}
"""Chunk sizes that give a short file many chunks."""


def freeze(path: Path, pack: Path, most: int = 1 << 20, **options: Unpack[Options]) -> tuple[Chunker, bytes]:
    """Write the chunks of a file to a pack; return the chunker at its end, and the recipe."""
    chunker = Chunker(path, **options)
    writer = PackWriter(pack.parent)
    while (batch := chunker.next(most)) is not None:
        writer.add(batch, range(len(batch)))
    writer.finish()
    assert writer.publish(pack)
    return chunker, chunker.recipe()


def split(digests: bytes) -> list[bytes]:
    """Digests one by one."""
    return [digests[start : start + DIGEST] for start in range(0, len(digests), DIGEST)]


def rebuild(
    recipe: bytes,
    rows: list[tuple[bytes, int, int, int, int, int]],
    pack: Path,
    offset: int = 0,
    length: int | None = None,
    most: int = 1 << 20,
    blobs: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """Rebuild a range of a blob; ``rows`` is what the pack's footer says."""
    where = {row[0]: row[1:] for row in rows}
    reader = RecipeReader(Recipe(recipe), offset, length)
    found: list[bytes] = []
    with pack.open("rb") as file:
        while True:
            located = []
            for digest in split(reader.wanted(most)):
                if digest in where:
                    size, *place = where[digest]
                    frame_offset, frame_length, frame_size, start = place
                    located.append((digest, file.fileno(), frame_offset, frame_length, frame_size, start, size))
            data = reader.read(located, blobs or {})
            if data is None:
                return b"".join(found)
            found.append(data)
