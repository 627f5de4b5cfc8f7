"""A file that is written in threads while the next bytes are received."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from lamella.errors import LimitExceeded
from lamella.store.protocol import BUFFER_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from typing_extensions import Buffer

    from lamella._core import BlobFile
    from lamella.index import Health

T = TypeVar("T")

MAX_BLOB_SIZE: Final = 64 << 30
"""The largest blob, in bytes, unless the store is told otherwise."""


PATIENCE: Final = 0.005
"""Seconds that a thread waits for a client that sends: fast ones have more much sooner."""

TURN: Final = 0.1
"""Seconds that a thread goes on with one client while others may wait for the thread."""


class BufferedFile:
    """Collects bytes up to ``BUFFER_SIZE`` and writes them in a thread, one write at a time.

    ``create`` is called, in a thread, when the first buffer is full; what never fills one never becomes a file.
    Once ``close`` was called or a method raised, only ``close`` may be called.
    """

    def __init__(
        self, threads: Executor, health: Health, create: Callable[[], BlobFile], most: int, file: BlobFile | None = None
    ) -> None:
        self._threads = threads
        self._health = health
        self._create = create
        self._most = most
        self._file = file
        self._size = 0 if file is None else file.size
        self._pending = bytearray()
        self._writing: Future[None] | None = None

    @property
    def size(self) -> int:
        """Bytes received, those in the file before included."""
        return self._size

    @property
    def content(self) -> bytes | None:
        """Everything received, as long as there is no file."""
        return None if self._file is not None or self._writing is not None else bytes(self._pending)

    async def write(self, buffer: Buffer) -> None:
        """Append bytes; the buffer is the caller's again on return.

        Raises:
            LimitExceeded: there would be more than ``most``.
            StorageFull: an earlier buffer found no room on the disk.
            ReadOnly: the disk did not take an earlier buffer.
        """
        view = memoryview(buffer)
        if self._size + view.nbytes > self._most:
            raise LimitExceeded("the size of a blob", self._most, self._size + view.nbytes)
        # Nobody can change bytes, so a whole buffer of them need not be copied.
        if not self._pending and view.nbytes >= BUFFER_SIZE and isinstance(view.obj, bytes) and view.c_contiguous:
            await self._settle()
            self._size += view.nbytes
            self._writing = self._threads.submit(self._append, view)
            return
        self._pending += view
        self._size += view.nbytes
        if len(self._pending) >= BUFFER_SIZE:
            await self._settle()
            pending, self._pending = self._pending, bytearray()
            self._writing = self._threads.submit(self._append, pending)

    async def receive(self, threads: Executor, descriptor: int, most: int) -> int | None:
        """Append what a socket has, up to ``most`` bytes, from it straight to the file; see ``Upload.receive``."""
        if self._size + most > self._most:
            raise LimitExceeded("the size of a blob", self._most, self._size + most)
        await self._settle()
        pending, self._pending = self._pending, bytearray()
        received: list[int | None] = []

        def receive() -> None:
            self._append(pending)
            try:
                received.append(self._opened().receive(descriptor, most, PATIENCE, TURN))
            except OSError as error:
                self._health.write_failed(error)

        self._writing = threads.submit(receive)
        await self._settle()
        self._size += received[0] or 0
        return received[0]

    async def finish(self, then: Callable[[BlobFile], T]) -> T:
        """Write what is left, then call ``then`` with the complete file in the same thread."""
        await self._settle()
        pending, self._pending = self._pending, bytearray()

        def finish() -> T:
            self._append(pending)
            return then(self._opened())

        return await asyncio.wrap_future(self._threads.submit(finish))

    async def close(self, *, keep: bool = False) -> None:
        """Close the file, after the write that is under way: remove it, or keep it with everything received."""
        writing, pending, self._pending = self._writing, self._pending, bytearray()
        if not keep and writing is not None:
            writing.cancel()

        def close() -> None:
            try:
                if keep:
                    if writing is not None:
                        writing.result()
                    # A commit that was cancelled goes on, and may have closed the file: it left nothing to write.
                    if pending:
                        self._append(pending)
            finally:
                if self._file is not None:
                    self._file.close(keep)

        if self._file is not None or writing is not None:
            await asyncio.shield(asyncio.wrap_future(self._threads.submit(close)))

    async def _settle(self) -> None:
        """Wait for the write that is under way; it goes on where the caller is cancelled, since others follow it."""
        if self._writing is not None:
            await asyncio.shield(asyncio.wrap_future(self._writing))

    def _append(self, buffer: Buffer) -> None:
        try:
            self._opened().write(buffer)
        except OSError as error:
            self._health.write_failed(error)

    def _opened(self) -> BlobFile:
        if self._file is None:
            self._file = self._create()
        return self._file
