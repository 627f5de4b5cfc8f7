"""An earlier blob whose bytes are here, to compress a newer one against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lamella._core import Recipe, RecipeReader
from lamella.errors import NotFound
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lamella.client.chunk_cache import ChunkCache

CANDIDATES: Final = 16
"""How many blobs are looked at, those that were used last first."""

ENOUGH: Final = 0.5
"""The share of a blob's chunks that another one must have for it to be taken without a look at others."""


class Base:
    """A blob whose recipe and chunks are in a cache. Methods block."""

    def __init__(self, recipe: Recipe, cache: ChunkCache) -> None:
        self.recipe = recipe
        self.digest = Digest(recipe.digest)
        self._cache = cache

    def read(self, ranges: Iterable[tuple[int, int]]) -> bytes:
        """Return ranges of the blob, offset and size in bytes, one after the other.

        Raises:
            NotFound: the cache has lost one of the chunks.
            RecipeError: the recipe is damaged.
        """
        return b"".join(part for offset, size in ranges for part in self._range(offset, size))

    def _range(self, offset: int, size: int) -> Iterable[bytes]:
        reader = RecipeReader(self.recipe, offset, size)
        while True:
            blobs = {}
            for digest in Digest.split(reader.wanted()):
                data = self._cache.read(digest)
                if data is None:
                    raise NotFound(digest)
                blobs[digest.raw] = data
            part = reader.read([], blobs)
            if part is None:
                return
            yield part


def find_base(cache: ChunkCache, recipe: Recipe) -> Base | None:
    """Return the blob that has most chunks in common with another one's recipe, None where none has any; blocks."""
    wanted = {raw for raw, _, _ in recipe.distinct()}
    best, most = None, 0
    for candidate in cache.recipes(CANDIDATES):
        names = set(Digest.split(candidate.chunks()))
        shared = len(wanted & {name.raw for name in names})
        if shared > most and candidate.digest != recipe.digest and cache.known(names) == names:
            best, most = candidate, shared
            if shared >= ENOUGH * len(wanted):
                break
    if best is None:
        return None
    cache.use_recipe(Digest(best.digest))
    return Base(best, cache)
