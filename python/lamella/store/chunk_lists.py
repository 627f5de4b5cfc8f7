"""Blobs of a local store as lists of chunks, both ways."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

from lamella.errors import NoChunks
from lamella.store.local_reader import close_opened
from lamella.store.protocol import BUFFER_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from lamella.model import Digest
    from lamella.store.limit import SizeLimit
    from lamella.store.protocol import BlobInfo, BlobStore
    from lamella.store.recipes import OpenRecipe
    from lamella.store.splicer import Splicer
    from lamella.store.splitter import Splitter

MAX_SPLITS: Final = 2
"""Blobs that one process cuts at a time: each keeps a core busy."""


class ChunkLists:
    """Runs in threads what blocks; ``store`` keeps what is between chunks while clients ask for it."""

    def __init__(
        self, store: BlobStore, threads: Executor, splitter: Splitter, splicer: Splicer, limit: SizeLimit | None
    ) -> None:
        self._store = store
        self._threads = threads
        self._splitter = splitter
        self._splicer = splicer
        self._limit = limit
        self._slots = asyncio.Semaphore(MAX_SPLITS)

    async def split(self, digest: Digest, most: int) -> list[BlobInfo]:
        """Return blobs, at most ``most``, that a blob is the concatenation of; all of them are there, and used now.

        Raises:
            NotFound: there is no such blob.
            NoChunks: it stays whole, has more pieces, or lost one.
            Corrupted, StorageFull, ReadOnly: as the store says.
        """
        async with self._slots:
            split = self._threads.submit(self._splitter.split, digest, most)
            pieces, literals = await asyncio.wrap_future(split)
        for batch in _batches(literals):
            await self._store.write_many(batch)
        if missing := await self._store.missing({piece.digest for piece in pieces}):
            raise NoChunks(digest, f"{len(missing)} of its chunks are lost")
        return pieces

    async def open(self, digest: Digest) -> OpenRecipe:
        """Return the recipe of a blob, which counts as used; the caller closes it.

        Raises:
            NotFound: there is no such blob.
            NoChunks: it stays whole, or an encoder makes it of its chunks.
            Corrupted, StorageFull, ReadOnly: as the store says.
        """
        async with self._slots:
            opening = self._threads.submit(self._splitter.open, digest)
            try:
                return await asyncio.shield(asyncio.wrap_future(opening))
            except asyncio.CancelledError:
                opening.add_done_callback(close_opened)
                raise

    async def splice(self, blob: BlobInfo, chunks: Sequence[BlobInfo]) -> bool:
        """Make a cold blob of chunks, once there is room for its recipe; False where ``Splicer`` cannot do that.

        Raises:
            MissingChunks: chunks are not in the store.
            SizeMismatch: a chunk has another size than was said.
            StorageFull, ReadOnly: as the store says.
        """
        recipe = await asyncio.wrap_future(self._threads.submit(self._splicer.recipe, blob, chunks))
        if recipe is None:
            return False
        async with nullcontext() if self._limit is None else self._limit.room(recipe.file_size):
            return await asyncio.wrap_future(self._threads.submit(self._splicer.splice, recipe))


def _batches(blobs: Mapping[Digest, bytes]) -> Iterator[dict[Digest, bytes]]:
    """Group blobs so that no group keeps the index busy for long."""
    batch: dict[Digest, bytes] = {}
    size = 0
    for digest, data in blobs.items():
        batch[digest] = data
        size += len(data)
        if size >= BUFFER_SIZE:
            yield batch
            batch, size = {}, 0
    if batch:
        yield batch
