"""Makes blobs of recipes whose chunks are in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import MissingChunks, NotFound
from lamella.model import Digest
from lamella.store.chunks import LostChunks

if TYPE_CHECKING:
    from lamella._core import Recipe
    from lamella.store.chunks import Chunks
    from lamella.store.cold_writer import ColdWriter
    from lamella.store.remover import Remover


class Assembler:
    """Every method blocks."""

    def __init__(self, chunks: Chunks, cold: ColdWriter, remover: Remover) -> None:
        self._chunks = chunks
        self._cold = cold
        self._remover = remover

    def assemble(self, recipe: Recipe) -> None:
        """Make a blob that is not there yet cold, by its recipe.

        The blob is rebuilt, and has its digest, before it is there.

        Raises:
            MissingChunks: chunks are not in the store, or damaged.
            RecipeError: the chunks make another blob, or the recipe is damaged.
            CannotTurnCold: a chunk is itself cold, or somebody still reads an earlier recipe of the blob.
            StorageFull, ReadOnly: as the store says.
        """
        blob = Digest(recipe.digest)
        try:
            for _ in self._chunks.rebuild(recipe):
                pass
            self._cold.commit(recipe, recipe.part(0, recipe.file_size), absent=True)
        except LostChunks as error:
            self._remover.drop_chunks(error)
            raise MissingChunks(blob, error.chunks) from error
        except NotFound as error:
            raise MissingChunks(blob, {error.digest}) from error
