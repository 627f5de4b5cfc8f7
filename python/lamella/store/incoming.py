"""A blob on its way in, as a recipe and those of its chunks that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._core import Recipe, RecipeError, sha256
from lamella.errors import DigestMismatch, Invalid
from lamella.model import Digest
from lamella.store.packer import PACKED_MAX
from lamella.store.protocol import BlobInfo
from lamella.store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from typing_extensions import Buffer

    from lamella.store.new_chunks import NewChunks


class Incoming:
    """Takes chunks, one call at a time. ``stored`` says that the blob was there before.

    ``chunks`` are those that the recipe names, each once, and ``missing`` are the numbers of those that must come.
    """

    def __init__(self, recipe: Recipe, new: NewChunks, threads: Executor) -> None:
        self.recipe = recipe
        self.chunks = distinct_chunks(recipe)
        self.missing: list[int] = []
        self.stored = False
        self._new = new
        self._turns = Turns(threads)

    @property
    def wanted(self) -> list[BlobInfo]:
        """The chunks that are missing, in their order."""
        return [self.chunks[number] for number in self.missing]

    async def add(self, chunks: Mapping[Digest, Buffer]) -> None:
        """Write chunks of the blob, of 1 to ``PACKED_MAX`` bytes each; they can be read once they are published.

        Raises:
            DigestMismatch: one is not what it is called; none is written.
            StorageFull, ReadOnly: as the store says.
        """
        await self._turns.run(self._add, chunks)

    async def publish(self) -> None:
        """Make the chunks durable, and let them be read; raises ``StorageFull`` and ``ReadOnly`` as ``add``."""
        await self._turns.run(self._publish)

    def close(self) -> None:
        """Throw away what is not published."""
        self._turns.close(self._new.close)

    def _add(self, chunks: Mapping[Digest, Buffer]) -> None:
        for digest, data in chunks.items():
            if (actual := sha256(data)) != digest.raw:
                raise DigestMismatch(digest, Digest(actual))
        self._new.add(chunks)

    def _publish(self) -> None:
        self._new.finish()
        self._new.publish()


def distinct_chunks(recipe: Recipe) -> list[BlobInfo]:
    """Return the chunks of a recipe in the order of their first appearance, each once."""
    return [BlobInfo(Digest(raw), size) for raw, _, size in recipe.distinct()]


def parse_recipe(blob: BlobInfo, data: bytes) -> Recipe:
    """Read the recipe of a blob that somebody sent.

    Raises:
        Invalid: it is damaged or another blob's, needs an encoder, or has pieces that are too large for packs.
    """
    try:
        recipe = Recipe(data)
    except RecipeError as error:
        raise Invalid("recipe", str(error)) from None
    if (recipe.digest, recipe.size) != (blob.digest.raw, blob.size):
        told = f"{blob.digest} of {blob.size} bytes"
        raise Invalid("recipe", f"is that of {Digest(recipe.digest)} of {recipe.size} bytes, not of {told}")
    if recipe.transform:
        raise Invalid("recipe", f"needs the encoder {recipe.transform}")
    if recipe.longest_piece > PACKED_MAX:
        raise Invalid("recipe", f"has a piece of {recipe.longest_piece} bytes, more than {PACKED_MAX}")
    return recipe
