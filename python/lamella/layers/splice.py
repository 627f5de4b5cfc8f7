"""Blobs put together from chunks that are in the store already."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Protocol

from lamella.errors import LamellaError, LimitExceeded, MissingChunks, NotFound, SizeMismatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lamella.store.protocol import BlobInfo, BlobStore, BlobWriter

LEAST_COLD: Final = 256 << 10
"""Bytes of a blob that is made cold: smaller ones are no larger than a chunk."""

WINDOW_SIZE: Final = 4 << 20
WINDOW_CHUNKS: Final = 256
"""Bytes, and chunks, that are read at once; a chunk with more bytes is streamed."""


class ColdSplicer(Protocol):
    """Puts a blob together without moving the bytes of its chunks."""

    async def splice(self, blob: BlobInfo, chunks: Sequence[BlobInfo]) -> bool:
        """Make a blob of chunks; False where that is not possible, and nothing is done; raises as ``Splicer`` does."""


class Splicer:
    """Concatenates chunks, as many blobs at a time as there are ``slots``; ``max_size`` is that of a blob in bytes.

    A blob of chunks as this server would cut them is made by ``cold``; one of others is written as a whole.
    """

    def __init__(self, store: BlobStore, cold: ColdSplicer, max_size: int, slots: int) -> None:
        self._store = store
        self._cold = cold
        self._max_size = max_size
        self._slots = asyncio.Semaphore(slots)

    async def splice(self, blob: BlobInfo, chunks: Sequence[BlobInfo]) -> None:
        """Make ``blob`` a durable blob of the store, as the concatenation of ``chunks``; it may be there already.

        Raises:
            MissingChunks: chunks are not in the store.
            SizeMismatch: the blob or a chunk has another size than was said; nothing is stored.
            DigestMismatch: the chunks make another blob; nothing is stored.
            LimitExceeded: the blob would be larger than any may be.
            ReadOnly, StorageFull, Corrupted: as the store says.
        """
        if not await self._store.missing([blob.digest]):
            await self._check_size(blob)
            return
        total = sum(chunk.size for chunk in chunks)
        if total != blob.size:
            raise SizeMismatch(blob.digest, blob.size, total)
        if total > self._max_size:
            raise LimitExceeded("the size of a blob", self._max_size, total)
        # Present ones count as used from here on, so that they stay while they are read.
        if missing := await self._store.missing({chunk.digest for chunk in chunks}):
            raise MissingChunks(blob.digest, missing)
        async with self._slots:
            if total < LEAST_COLD or not await self._cold.splice(blob, chunks):
                await self._write(blob, chunks)

    async def _write(self, blob: BlobInfo, chunks: Sequence[BlobInfo]) -> None:
        async with self._store.writer(blob.digest) as writer:
            try:
                for window in _windows(chunks):
                    await self._append(writer, window)
            except NotFound as error:
                raise MissingChunks(blob.digest, {error.digest}) from None
            await writer.commit()

    async def _append(self, writer: BlobWriter, window: list[BlobInfo]) -> None:
        # Before any of them is read: a chunk might have more bytes than memory.
        for chunk in window:
            await self._check_size(chunk)
        if len(window) > 1:
            found = await self._store.read_many({chunk.digest for chunk in window})
            for chunk in window:
                data = found[chunk.digest]
                if isinstance(data, LamellaError):
                    raise data
                await writer.write(data)
            return
        async with aclosing(self._store.open(window[0].digest)) as buffers:
            async for buffer in buffers:
                await writer.write(buffer)

    async def _check_size(self, blob: BlobInfo) -> None:
        size = (await self._store.stat(blob.digest)).size
        if size != blob.size:
            raise SizeMismatch(blob.digest, blob.size, size)


def _windows(chunks: Sequence[BlobInfo]) -> Iterator[list[BlobInfo]]:
    window: list[BlobInfo] = []
    size = 0
    for chunk in chunks:
        if window and (len(window) == WINDOW_CHUNKS or size + chunk.size > WINDOW_SIZE):
            yield window
            window, size = [], 0
        window.append(chunk)
        size += chunk.size
    if window:
        yield window
