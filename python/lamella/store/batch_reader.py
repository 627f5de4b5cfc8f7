"""Reads many small blobs of a local store at once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from lamella._core import RecipeError
from lamella.errors import LamellaError, NotFound
from lamella.index import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Executor

    from lamella.index import BlobRecord, Blobs
    from lamella.model import Digest
    from lamella.store.chunks import Chunks
    from lamella.store.local_reader import LocalReader


class BatchReader:
    """Packed blobs take one turn of a thread, and a frame is decoded once; ``reader`` reads what is elsewhere."""

    def __init__(self, blobs: Blobs, chunks: Chunks, reader: LocalReader, threads: Executor) -> None:
        self._blobs = blobs
        self._chunks = chunks
        self._reader = reader
        self._threads = threads

    async def read(self, digests: Iterable[Digest], *, count: bool) -> dict[Digest, bytes | LamellaError]:
        """See ``LocalStore.read_many``."""
        found: dict[Digest, bytes | LamellaError] = {}
        packed: list[BlobRecord] = []
        others: list[Digest] = []
        for digest in digests:
            try:
                record, data = self._blobs.look_up(digest, count=count)
            except NotFound as error:
                found[digest] = error
                continue
            if data is not None:
                found[digest] = data
            elif record.place is Place.PACKED:
                packed.append(record)
            else:
                others.append(digest)
        try:
            found |= await asyncio.wrap_future(self._threads.submit(self._chunks.read_many, packed))
        except (FileNotFoundError, RecipeError):
            # Some moved meanwhile, or are damaged: reading one by one finds out which, and what becomes of them.
            others += [record.digest for record in packed]
        return found | await self._read_each(others, count=count)

    async def _read_each(self, digests: Sequence[Digest], *, count: bool) -> dict[Digest, bytes | LamellaError]:
        read = await asyncio.gather(*(self._read_one(digest, count=count) for digest in digests))
        return dict(zip(digests, read, strict=True))

    async def _read_one(self, digest: Digest, *, count: bool) -> bytes | LamellaError:
        try:
            async with aclosing(self._reader.open(digest, count=count)) as buffers:
                return b"".join([bytes(buffer) async for buffer in buffers])
        except LamellaError as error:
            return error
