"""Puts a blob together by naming its chunks, which are in the store, in a recipe: their bytes stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._core import Recipe, RecipeError, chunk_recipe
from lamella.errors import MissingChunks, SizeMismatch
from lamella.index import Place
from lamella.model import EMPTY
from lamella.store.cold_writer import CannotTurnCold
from lamella.store.packer import PACKED_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella.index import BlobRecord, Blobs
    from lamella.model import Digest
    from lamella.store.assembler import Assembler
    from lamella.store.protocol import BlobInfo


class Splicer:
    """Every method blocks."""

    def __init__(self, blobs: Blobs, assembler: Assembler) -> None:
        self._blobs = blobs
        self._assembler = assembler

    def recipe(self, blob: BlobInfo, chunks: Sequence[BlobInfo]) -> Recipe | None:
        """Return the recipe of a blob of chunks, of which those that the index holds become a part; None for no recipe.

        There is none where a chunk is itself cold or inflated, or larger than chunks are.

        Raises:
            MissingChunks: chunks are not in the store.
            SizeMismatch: a chunk has another size than was said.
        """
        records = self._blobs.get_many({chunk.digest for chunk in chunks} - {EMPTY})
        if not all(map(_is_chunk, records.values())):
            return None
        pieces = [self._piece(blob, chunk, records) for chunk in chunks if chunk.digest != EMPTY]
        try:
            return Recipe(chunk_recipe(blob.digest.raw, pieces))
        except RecipeError:
            return None

    def splice(self, recipe: Recipe) -> bool:
        """Make a cold blob, for which there is room; False where its chunks make another blob, and nothing is done.

        Nor is it done where a chunk has turned cold meanwhile. The blob is rebuilt before it is there.

        Raises:
            MissingChunks: chunks are not in the store.
            StorageFull, ReadOnly: as the store says.
        """
        try:
            self._assembler.assemble(recipe)
        except (CannotTurnCold, RecipeError):
            return False
        return True

    def _piece(self, blob: BlobInfo, chunk: BlobInfo, records: dict[Digest, BlobRecord]) -> tuple[bytes, int] | bytes:
        record = records.get(chunk.digest)
        found = self._blobs.read(chunk.digest) if record is not None and record.place is Place.INLINE else None
        if record is None or (record.place is Place.INLINE and found is None):
            raise MissingChunks(blob.digest, {chunk.digest})
        if record.size != chunk.size:
            raise SizeMismatch(chunk.digest, chunk.size, record.size)
        literal = None if found is None else found[1]
        return (chunk.digest.raw, chunk.size) if literal is None else literal


def _is_chunk(record: BlobRecord) -> bool:
    return record.place not in (Place.RECIPE, Place.INFLATED) and record.size <= PACKED_MAX
