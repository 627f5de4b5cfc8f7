"""Blobs on their way out, as recipes and chunks."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lamella.errors import LamellaError, NoChunks
from lamella.model import Digest
from lamella.store.incoming import distinct_chunks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from lamella._core import Recipe
    from lamella.store.chunk_lists import ChunkLists
    from lamella.store.protocol import BlobInfo, BlobStore


class Outgoing:
    """``chunks`` are those that the recipe names, each once; ``size`` is that of the recipe's file, in bytes."""

    def __init__(self, store: BlobStore, recipe: Recipe) -> None:
        self.size = recipe.file_size
        self.chunks = distinct_chunks(recipe)
        self._store = store
        self._recipe = recipe

    def parts(self, most: int) -> Iterator[bytes]:
        """Yield the bytes of the recipe's file, at most ``most`` at once."""
        return (self._recipe.part(offset, most) for offset in range(0, self.size, most))

    async def read(self, chunks: Sequence[BlobInfo]) -> bytes:
        """Return chunks, one after the other; all are in memory at once.

        Raises:
            NoChunks: some are lost, or damaged.
        """
        found = await self._store.read_many({chunk.digest for chunk in chunks})
        data = b"".join([each for chunk in chunks if isinstance(each := found[chunk.digest], bytes)])
        if lost := [digest for digest, each in found.items() if isinstance(each, LamellaError)]:
            raise NoChunks(Digest(self._recipe.digest), f"{len(lost)} of its chunks are lost, {lost[0]} first")
        return data


class Sender:
    """Gives blobs out; ``store`` is one that counts no use: what a recipe names is used with its blob."""

    def __init__(self, store: BlobStore, lists: ChunkLists) -> None:
        self._store = store
        self._lists = lists

    @asynccontextmanager
    async def send(self, digest: Digest) -> AsyncIterator[Outgoing]:
        """Open a blob, which counts as used; its chunks stay until the context is left.

        Raises as ``ChunkLists.open``.
        """
        opened = await self._lists.open(digest)
        try:
            yield Outgoing(self._store, opened.recipe)
        finally:
            opened.close()
