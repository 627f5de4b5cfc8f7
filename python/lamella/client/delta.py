"""What is moved by its chunks, and what whole."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from lamella.client.delta_download import download_delta, remember
from lamella.client.delta_upload import upload_delta
from lamella.client.download import download_file
from lamella.client.errors import Unsupported
from lamella.client.pieces import BATCH_SIZE, SMALLEST
from lamella.client.report import get_capabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lamella.client.blob import Blob
    from lamella.client.chunk_cache import ChunkCache
    from lamella.client.connection import Connection
    from lamella.client.download import Target
    from lamella.client.report import Capabilities
    from lamella.wire.blob import BlobName

CONCURRENT_UPLOADS = 2
"""How many files are cut at once: each keeps a core busy."""


class Delta:
    """Large files over one connection; ``cache`` holds what was fetched before."""

    def __init__(self, connection: Connection, cache: ChunkCache) -> None:
        self._connection = connection
        self._cache = cache
        self._asked = asyncio.Lock()
        self._known: Capabilities | None = None
        self._supported = True

    async def upload(self, blobs: Sequence[Blob], progress: Callable[[int], None]) -> list[Blob]:
        """Send what is new of those files that have something in common with the server's, and return the others.

        Raises:
            ClientError: a call failed.
            OSError: a file cannot be read.
        """
        slots = asyncio.Semaphore(CONCURRENT_UPLOADS)

        async def send(blob: Blob) -> bool:
            if not isinstance(blob.source, Path) or blob.size < SMALLEST:
                return False
            capabilities = await self._capabilities()
            if capabilities is None or not capabilities.splices:
                return False
            async with slots:
                return await upload_delta(self._connection, blob, blob.source, progress)

        try:
            async with asyncio.TaskGroup() as group:
                sending = [group.create_task(send(blob)) for blob in blobs]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [blob for blob, task in zip(blobs, sending, strict=True) if not task.result()]

    async def download(self, blob: BlobName, path: Path, progress: Callable[[int], None]) -> None:
        """Write a blob to a file, from chunks that are here as far as they are; see ``download_file``."""
        capabilities = await self._capabilities() if blob.size >= SMALLEST else None
        if capabilities is None or not capabilities.splits:
            await download_file(self._connection, blob, path, progress)
            return
        complete = False

        async def begin(blob: BlobName, target: Target) -> None:
            nonlocal complete
            await download_delta(self._connection, blob, target, self._cache, progress)
            complete = target.size == blob.size

        await download_file(self._connection, blob, path, progress, begin)
        if not complete:
            await asyncio.to_thread(remember, path, self._cache)

    async def _capabilities(self) -> Capabilities | None:
        """Return what the server can do, None where it cannot take batches as they are sent here."""
        async with self._asked:
            if self._known is None and self._supported:
                try:
                    self._known = await get_capabilities(self._connection)
                except Unsupported:
                    self._supported = False
        known = self._known
        if known is None or "zstd" not in known.batch_compressors or 0 < known.max_batch_size < BATCH_SIZE:
            return None
        return known
