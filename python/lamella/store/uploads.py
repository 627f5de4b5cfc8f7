"""Uploads that can be resumed, by any process that has the store open."""

from __future__ import annotations

import asyncio
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from lamella._core import BlobFile
from lamella.errors import DigestMismatch, Invalid, UploadBusy
from lamella.store.buffered_file import BufferedFile
from lamella.store.try_lock import try_lock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from typing_extensions import Buffer

    from lamella.index import Health
    from lamella.model import Digest
    from lamella.store.committer import Committer
    from lamella.store.layout import Layout

_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\Z")

UPLOAD_LIFETIME: Final = 24 * 3600
"""Seconds after its last byte that a partial upload is kept, unless the server is restarted before."""

RECEIVERS: Final = 8
"""Threads that receive bytes from sockets: as many uploads make progress at once."""


class Upload:
    """One holder's turn at an upload."""

    def __init__(self, file: BufferedFile, committer: Committer, receivers: Executor) -> None:
        self._file = file
        self._committer = committer
        self._receivers = receivers
        self._keep = True
        self._over = False

    @property
    def size(self) -> int:
        """Bytes received so far, by this and by earlier holders."""
        return self._file.size

    @property
    def keep(self) -> bool:
        """Whether the upload can be resumed."""
        return self._keep

    async def write(self, buffer: Buffer) -> None:
        """Append bytes, as ``BlobWriter.write`` does.

        Raises:
            LimitExceeded: the blob would grow past the store's largest.
            StorageFull: there is no room.
            ReadOnly: the disk did not take the bytes.
        """
        self._check_open()
        await self._file.write(buffer)

    async def receive(self, descriptor: int, most: int) -> int | None:
        """Append bytes straight from a non-blocking socket, up to ``most``, and return how many it were.

        0 means that the socket has ended or failed; None that it has nothing now, so that it takes no thread until it
        has. The descriptor is the caller's again on return, or where that is cancelled, when the upload is left.

        Raises:
            LimitExceeded: with ``most`` bytes, the blob would grow past the store's largest.
            StorageFull, ReadOnly: as for ``write``.
        """
        self._check_open()
        return await self._file.receive(self._receivers, descriptor, most)

    async def commit(self, expected: Digest | None = None) -> Digest:
        """Make all bytes a durable, visible blob, as ``BlobWriter.commit`` does, and end the upload.

        Raises:
            DigestMismatch: the bytes have another digest; they are thrown away.
            StorageFull: there is no room.
            ReadOnly: the bytes could not be made durable.
        """
        self._check_open()
        self._over = True
        try:
            digest = await self._committer.commit(self._file, expected)
        except DigestMismatch:
            self._keep = False
            raise
        self._keep = False
        return digest

    def discard(self) -> None:
        """Throw the bytes away when the context is left."""
        self._over = True
        self._keep = False

    def _check_open(self) -> None:
        if self._over:
            raise RuntimeError("the upload was committed or discarded")


class Uploads:
    """Partial files, named by the identifiers that clients know their uploads by; ``close`` it."""

    def __init__(self, layout: Layout, threads: Executor, health: Health, committer: Committer, most: int) -> None:
        self._folder = layout.uploads
        self._threads = threads
        self._health = health
        self._committer = committer
        self._most = most
        # Of their own: clients that send without a pause may keep all of them busy.
        self._receivers = ThreadPoolExecutor(RECEIVERS, thread_name_prefix="receive")

    def close(self) -> None:
        """Finish what is under way."""
        self._receivers.shutdown()

    @asynccontextmanager
    async def open(self, upload_id: str) -> AsyncIterator[Upload]:
        """Begin an upload, or continue it where its bytes end; leaving the context keeps it for later.

        Where the file system keeps no extended attributes, or the holder before crashed, what is there is hashed again
        first, which takes as long as reading it.

        Raises:
            Invalid: the identifier is not 1 to 128 letters, digits, ``_``, ``-`` or (but for the first) ``.``.
            UploadBusy: someone else, in this process or another, has it open.
            StorageFull: there is no room for a name.
            ReadOnly: the store accepts no writes.
        """
        path = self._path(upload_id)
        self._health.check()
        opening = self._threads.submit(self._open, upload_id, path)
        try:
            blob_file = await asyncio.shield(asyncio.wrap_future(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise
        file = BufferedFile(self._threads, self._health, lambda: blob_file, self._most, blob_file)
        upload = Upload(file, self._committer, self._receivers)
        try:
            yield upload
        finally:
            await file.close(keep=upload.keep)

    def size(self, upload_id: str) -> int | None:
        """Return how many bytes of an upload can be relied on when it is continued; None where there is none.

        Raises:
            Invalid: as for ``open``.
        """
        try:
            return self._path(upload_id).stat().st_size
        except FileNotFoundError:
            return None

    async def expire(self, lifetime: float = UPLOAD_LIFETIME) -> int:
        """Remove uploads that got no byte for ``lifetime`` seconds and that nobody has open; return how many."""
        return await asyncio.wrap_future(self._threads.submit(self._expire, time.time() - lifetime))

    def _path(self, upload_id: str) -> Path:
        if _ID.match(upload_id) is None:
            raise Invalid("upload_id", f"{upload_id[:128]!r} is not 1 to 128 letters, digits, '_', '-' or '.'")
        return self._folder / upload_id

    def _open(self, upload_id: str, path: Path) -> BlobFile:
        try:
            return BlobFile(self._folder, path)
        except BlockingIOError:
            raise UploadBusy(upload_id) from None
        except OSError as error:
            self._health.write_failed(error)

    def _expire(self, before: float) -> int:
        removed = 0
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    found = os.fstat(descriptor)
                    # By now the name may be that of an upload which began after this one became a blob.
                    if try_lock(descriptor) and found.st_mtime < before and os.path.samestat(found, path.stat()):
                        path.unlink()
                        removed += 1
                finally:
                    os.close(descriptor)
        return removed


def _close_opened(opening: Future[BlobFile]) -> None:
    """Give up a file that was opened for a caller who has gone."""
    if opening.exception() is None:
        opening.result().close(keep=True)
