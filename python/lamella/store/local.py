"""Blobs in a folder: small ones in the index, the others one file each."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, ParamSpec, Self, TypeVar

from lamella._core import BlobFile
from lamella.errors import Corrupted, NotFound, ReadOnly, StorageFull
from lamella.index import BlobRecord, Blobs, Index, Layers, Leases, Place
from lamella.model import EMPTY
from lamella.store.buffered_file import MAX_BLOB_SIZE, BufferedFile
from lamella.store.committer import Committer
from lamella.store.file_reader import read_file
from lamella.store.folder import StoreFolder
from lamella.store.limit import SizeLimit
from lamella.store.local_writer import LocalWriter
from lamella.store.protocol import BlobInfo
from lamella.store.publisher import Publisher
from lamella.store.ranges import range_end
from lamella.store.remover import Remover
from lamella.store.unused import Removal, UnusedRemover
from lamella.store.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from lamella.model import Digest

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

THREADS: Final = 16
"""Threads that read, write and sync files."""

PAGE: Final = 1000
"""Index entries read in one transaction, before other tasks get their turn."""


class LocalStore:
    """A ``BlobStore`` in a folder, which several processes may have open; see ``docs/formats.md``.

    Blobs wait for room where all of them take ``max_size`` bytes on the disk; see ``SizeLimit``.

    Beyond the protocol: ``index`` holds the store's other tables, ``uploads`` can be resumed, ``file`` gives native
    code a file to read, and ``quarantine`` sets a damaged blob aside. Use it as a context manager, or ``close`` it.

    Raises:
        StoreError: the folder cannot be opened as a store.
        StorageFull: there is no room for a new store.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_blob_size: int = MAX_BLOB_SIZE,
        max_size: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = StoreFolder(path)
        self._layout = self._folder.layout
        try:
            self.index = Index(self._layout.index)
        except BaseException:
            self._folder.close()
            raise
        self.blobs = Blobs(self.index, clock)
        self.layers = Layers(self.index)
        self.leases = Leases(self.index, self.blobs, clock)
        self.limit = None if max_size is None else SizeLimit(self.index, max_size)
        self._max_blob_size = max_blob_size
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._publisher = Publisher(self._layout, self.index, self.blobs)
        self._committer = Committer(self._layout, self.index, self.blobs, self._publisher, self.limit)
        self._remover = Remover(self._layout, self.index, self.blobs, self.layers, self.leases)
        self._unused = UnusedRemover(self._layout, self.index, self.blobs, self.layers, self.leases)
        self.uploads = Uploads(self._layout, self._threads, self.index.health, self._committer, max_blob_size)

    @property
    def garbage_lock(self) -> Path:
        """The file that whoever collects garbage locks."""
        return self._layout.garbage_lock

    @property
    def read_only(self) -> str | None:
        """Why the store accepts no writes, or None where it does."""
        return self.index.health.read_only

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Finish what is under way and close everything; blocks."""
        self._threads.shutdown()
        self._publisher.close()
        self.index.close()
        self._folder.close()

    async def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """See ``BlobStore.missing``."""
        wanted = list(set(digests) - {EMPTY})
        absent: set[Digest] = set()
        stale: list[Digest] = []
        for start in range(0, len(wanted), PAGE):
            batch = wanted[start : start + PAGE]
            found = self.blobs.get_many(batch)
            absent.update(digest for digest in batch if digest not in found)
            stale += [digest for digest, record in found.items() if self.blobs.is_stale(record)]
            await asyncio.sleep(0)
        if stale:
            try:
                absent |= await self.blobs.touch(stale)
            except (ReadOnly, StorageFull) as error:
                logger.warning("that %d blobs are used is not written down: %s", len(stale), error)
        return absent

    async def stat(self, digest: Digest) -> BlobInfo:
        """See ``BlobStore.stat``."""
        if digest == EMPTY:
            return BlobInfo(EMPTY, 0)
        record = self.blobs.get(digest)
        if record is None:
            raise NotFound(digest)
        return BlobInfo(digest, record.size)

    async def open(
        self, digest: Digest, offset: int = 0, length: int | None = None, *, count: bool = True
    ) -> AsyncGenerator[Buffer, None]:
        """See ``BlobStore.open``; ``count`` says whether the blob counts as used.

        Raises:
            Corrupted: the file is shorter than it was; it is set aside.
        """
        record, data = self._look_up(digest, count=count)
        end = range_end(digest, record.size, offset, length)
        if offset == end:
            return
        if data is not None:
            yield data[offset:end]
            return
        descriptor = await self._open_file(digest)
        async with aclosing(read_file(self._threads, descriptor, offset, end)) as buffers:
            async for buffer in buffers:
                offset += len(buffer)
                yield buffer
        if offset < end:
            reason = f"its file ends after {offset} of {record.size} bytes"
            await self.quarantine(digest, reason)
            raise Corrupted(digest, reason)

    @asynccontextmanager
    async def writer(self, expected: Digest | None = None) -> AsyncIterator[LocalWriter]:
        """See ``BlobStore.writer``."""
        health = self.index.health
        health.check()
        file = BufferedFile(self._threads, health, partial(BlobFile, self._layout.temporary), self._max_blob_size)
        try:
            yield LocalWriter(file, self._committer, expected)
        finally:
            await file.close()

    async def delete(self, digest: Digest) -> bool:
        """See ``BlobStore.delete``."""
        return await self._in_thread(self._remover.delete, digest)

    async def delete_unused(self, digests: Sequence[Digest], before: int) -> Removal:
        """Remove those blobs, all with the same first byte, that are not leased and were last used before a time."""
        return await self._in_thread(self._unused.remove, digests, before)

    async def walk(self) -> AsyncGenerator[BlobInfo, None]:
        """See ``BlobStore.walk``."""
        after: Digest | None = None
        while page := self.blobs.page(after, PAGE):
            for record in page:
                yield BlobInfo(record.digest, record.size)
            after = page[-1].digest
            await asyncio.sleep(0)

    async def quarantine(self, digest: Digest, reason: str) -> None:
        """Take a damaged blob out of the store, leased or not; its file goes to the folder ``quarantine``."""
        await self._in_thread(self._remover.quarantine, digest, reason)

    @asynccontextmanager
    async def file(self, digest: Digest) -> AsyncIterator[Path]:
        """Give a file with a blob's bytes, to read only, that stays until the context is left.

        Raises:
            NotFound: the store does not have the blob.
            StorageFull: there is no room for a name.
        """
        _, data = self._look_up(digest)
        path = self._layout.temporary / f"file-{secrets.token_hex(8)}"
        lending = self._threads.submit(self._lend, digest, data, path)
        try:
            await asyncio.wrap_future(lending)
            yield path
        finally:
            # Not before the thread is done that makes the name, which a cancel does not stop.
            lending.add_done_callback(lambda _: path.unlink(missing_ok=True))

    async def descriptor(self, digest: Digest) -> int | None:
        """See ``BlobFiles.descriptor``; blobs that the index holds have no file.

        Raises:
            Corrupted: the file has another size than the blob; it is set aside.
        """
        record, data = self._look_up(digest)
        if data is not None:
            return None
        descriptor = await self._open_file(digest)
        size = os.fstat(descriptor).st_size
        if size == record.size:
            return descriptor
        os.close(descriptor)
        reason = f"its file has {size} of {record.size} bytes"
        await self.quarantine(digest, reason)
        raise Corrupted(digest, reason)

    def _look_up(self, digest: Digest, *, count: bool = True) -> tuple[BlobRecord, bytes | None]:
        """Return a blob's record and what the index holds of its bytes, and count it as used."""
        found = self.blobs.read(digest)
        if found is None:
            if digest == EMPTY:
                return BlobRecord(EMPTY, 0, Place.INLINE, 0, 0), b""
            raise NotFound(digest)
        if count and self.read_only is None and self.blobs.is_stale(found[0]):
            # Not awaited: a reader need not wait for the disk, and a use that is lost in a crash does no harm.
            self.index.submit(lambda txn: self.blobs.use(txn, digest))
        return found

    async def _open_file(self, digest: Digest) -> int:
        try:
            return os.open(self._layout.blob(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            await self._in_thread(self._remover.forget_lost, digest)
            raise NotFound(digest) from None

    def _lend(self, digest: Digest, data: bytes | None, path: Path) -> None:
        try:
            if data is None:
                path.hardlink_to(self._layout.blob(digest))
            else:
                path.write_bytes(data)
        except FileNotFoundError:
            self._remover.forget_lost(digest)
            raise NotFound(digest) from None
        except OSError as error:
            self.index.health.write_failed(error)

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(self._threads.submit(function, *args, **kwargs))
