"""What is moved by its chunks, and what whole."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella.client.delta_download import download_delta
from lamella.client.delta_upload import keep_file, upload_delta
from lamella.client.download import download_file
from lamella.client.errors import Missing, Unsupported
from lamella.client.report import is_serving
from lamella.client.upload import upload_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lamella.client.blob import Blob
    from lamella.client.chunk_cache import ChunkCache
    from lamella.client.connection import Connection
    from lamella.client.download import Target
    from lamella.wire.blob import BlobName

SERVICE: Final = pb.DESCRIPTOR.services_by_name["Delta"].full_name

SMALLEST: Final = 1 << 20
"""Bytes: smaller blobs go whole, in fewer messages than a recipe and chunks would take."""

CONCURRENT_UPLOADS: Final = 2
"""How many files are cut at once: each keeps a core busy."""


class Delta:
    """Large files over one connection; ``cache`` holds what was moved before."""

    def __init__(self, connection: Connection, cache: ChunkCache) -> None:
        self._connection = connection
        self._cache = cache
        self._asked = asyncio.Lock()
        self._known: bool | None = None

    async def upload(self, blobs: Sequence[Blob], progress: Callable[[int], None]) -> None:
        """Send blobs: what is new of those files that have something in common with the server's, the others whole.

        Raises:
            ClientError: a call failed.
            OSError: a file cannot be read.
        """
        slots = asyncio.Semaphore(CONCURRENT_UPLOADS)

        async def send(blob: Blob) -> bool:
            if not isinstance(blob.source, Path) or not await self._moves(blob.size):
                return False
            async with slots:
                return await upload_delta(self._connection, blob, blob.source, self._cache, progress)

        try:
            async with asyncio.TaskGroup() as group:
                sending = [group.create_task(send(blob)) for blob in blobs]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        whole = [blob for blob, task in zip(blobs, sending, strict=True) if not task.result()]
        await upload_all(self._connection, whole, progress)
        for blob in whole:
            if isinstance(blob.source, Path) and await self._moves(blob.size):
                await keep_file(blob.source, self._cache)

    async def download(self, blob: BlobName, path: Path, progress: Callable[[int], None]) -> None:
        """Write a blob to a file, from chunks that are here as far as they are; see ``download_file``."""
        if not await self._moves(blob.size):
            await download_file(self._connection, blob, path, progress)
            return
        complete = False

        async def begin(blob: BlobName, target: Target) -> None:
            nonlocal complete
            await download_delta(self._connection, blob, target, self._cache, progress)
            complete = target.size == blob.size

        await download_file(self._connection, blob, path, progress, begin)
        if not complete:
            await keep_file(path, self._cache)

    async def _moves(self, size: int) -> bool:
        """Tell whether a blob of so many bytes is moved by its chunks."""
        if size < SMALLEST:
            return False
        async with self._asked:
            if self._known is None:
                try:
                    self._known = await is_serving(self._connection, SERVICE)
                except (Missing, Unsupported):
                    self._known = False
            return self._known
