"""Blobs in a folder: small ones in the index, many at once in packs, cold ones as recipes, the others one file each."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Final, ParamSpec, Self, TypeVar

from lamella._core import BlobFile
from lamella.errors import DigestMismatch, LimitExceeded, NotFound, ReadOnly, StorageFull
from lamella.index import USED_RESOLUTION, Blobs, Index, Layers, Leases, WholeBlobs
from lamella.model import EMPTY, Digest
from lamella.store.assembler import Assembler
from lamella.store.bases import Bases
from lamella.store.batch_reader import BatchReader
from lamella.store.buffered_file import MAX_BLOB_SIZE, BufferedFile
from lamella.store.chunk_lists import ChunkLists
from lamella.store.chunks import Chunks
from lamella.store.cold_writer import ColdWriter
from lamella.store.committer import Committer
from lamella.store.compactor import Compactor
from lamella.store.examiner import Examiner
from lamella.store.folder import StoreFolder
from lamella.store.healer import Healer
from lamella.store.inflater import Inflater
from lamella.store.inspector import Inspector
from lamella.store.leftovers import Leftovers
from lamella.store.lender import Lender
from lamella.store.limit import SizeLimit
from lamella.store.local_reader import LocalReader
from lamella.store.local_writer import LocalWriter
from lamella.store.outgoing import Sender
from lamella.store.packer import PACKED_LEAST, PACKED_MAX, Packer
from lamella.store.packs import Packs
from lamella.store.protocol import BlobInfo
from lamella.store.publisher import Publisher
from lamella.store.receiver import Receiver
from lamella.store.recipes import Recipes
from lamella.store.remover import Remover
from lamella.store.repacker import Repacker
from lamella.store.small_blobs import write_blob
from lamella.store.splicer import Splicer
from lamella.store.splitter import Splitter
from lamella.store.uncounted import UncountedStore
from lamella.store.unused import Removal, UnusedRemover
from lamella.store.uploads import Uploads
from lamella.store.warmer import Warmer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from typing_extensions import Buffer

    from lamella.errors import LamellaError
    from lamella.store.reads import Reads

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

THREADS: Final = 16
"""Threads that read, write and sync files."""

PAGE: Final = 1000
"""Index entries read in one transaction, before other tasks get their turn."""


class LocalStore:
    """A ``BlobStore`` in a folder, which several processes may have open; see ``docs/formats.md``.

    Blobs wait for room where all of them take ``max_size`` bytes on the disk; see ``SizeLimit``. For ``hot_resolution``
    see ``Blobs``; ``reads`` counts those of cold blobs.

    Beyond the protocol: ``index`` holds the store's other tables, ``uploads`` can be resumed, ``file`` gives native
    code a file to read, ``quarantine`` sets a damaged blob aside, ``compactor`` turns blobs cold and ``warmer`` hot
    again, ``examiner`` finds out what compressed ones hold, ``chunk_lists`` tells their chunks and puts them together,
    ``receiver``, ``sender`` and ``bases`` move what is new of them, and ``leftovers``, ``repacker``, ``inspector`` and
    ``healer`` are for maintenance. Use it as a context manager, or ``close`` it.

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
        hot_resolution: float = USED_RESOLUTION,
        reads: Reads | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = StoreFolder(path)
        self._layout = self._folder.layout
        try:
            self.index = Index(self._layout.index)
        except BaseException:
            self._folder.close()
            raise
        self.blobs = Blobs(self.index, clock, hot_resolution)
        self.layers = Layers(self.index)
        self.leases = Leases(self.index, self.blobs, clock)
        self.limit = None if max_size is None else SizeLimit(self.index, max_size)
        self._max_blob_size = max_blob_size
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._publisher = Publisher(self._layout, self.index, self.blobs)
        self._committer = Committer(self._layout, self.index, self.blobs, self._publisher, self.limit)
        packs = Packs(self._layout, self.index, self.blobs)
        self._packer = Packer(self._layout, self.index, self.blobs, packs)
        self._remover = Remover(self._layout, self.index, self.blobs, self.leases)
        self._unused = UnusedRemover(self._layout, self.index, self.blobs, self.leases)
        chunks = Chunks(self._layout, self.blobs, packs)
        inflater = Inflater(self._layout, self.index.health, self.blobs, chunks)
        self.reads = reads
        self._reader = LocalReader(
            self._layout, self.blobs, chunks, self._remover, self._threads, inflater=inflater, reads=reads
        )
        self._batches = BatchReader(self.blobs, chunks, self._reader, self._threads)
        self.whole = WholeBlobs(self.index)
        self.compactor = Compactor(
            self._layout, self.index, self.blobs, self._remover, max_content=max_blob_size, limit=self.limit
        )
        self.warmer = Warmer(self._layout, self.index, self.blobs, chunks, self._remover, limit=self.limit)
        self.examiner = Examiner(
            self._layout, self.index, self.blobs, inflater, remover=self._remover, max_content=max_blob_size
        )
        self._recipes = Recipes(self._layout)
        splitter = Splitter(self.blobs, self.whole, self.compactor, self._recipes, self._remover)
        assembler = Assembler(chunks, ColdWriter(self._layout, self.index, self.blobs), self._remover)
        self.chunk_lists = ChunkLists(self, self._threads, splitter, Splicer(self.blobs, assembler), self.limit)
        self.receiver = Receiver(
            self, self.blobs, packs, chunks, assembler=assembler, limit=self.limit, threads=self._threads
        )
        self.sender = Sender(UncountedStore(self), self.chunk_lists)
        self.bases = Bases(self._reader, chunks, self._remover, self._threads)
        self.repacker = Repacker(self._layout, self.index, self.blobs, self.limit)
        self.leftovers = Leftovers(self._layout, self.index, self.blobs)
        self.inspector = Inspector(self._layout, self.index, self.blobs)
        self.healer = Healer(self._layout, self.index, self.blobs, self._remover)
        self._lender = Lender(self._layout, self.index.health, self.blobs, chunks, self._remover, inflater=inflater)
        self.uploads = Uploads(self._layout, self._threads, self.index.health, self._committer, max_blob_size)

    @property
    def garbage_lock(self) -> Path:
        """The file that whoever collects garbage locks."""
        return self._layout.garbage_lock

    @property
    def quarantined(self) -> int:
        """How many damaged blobs were set aside since the store was opened here."""
        return self._remover.quarantined

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
        self.uploads.close()
        self._threads.shutdown()
        self._publisher.close()
        self._packer.close()
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

    def open(
        self, digest: Digest, offset: int = 0, length: int | None = None, *, count: bool = True
    ) -> AsyncGenerator[Buffer, None]:
        """See ``BlobStore.open``; ``count`` says whether the blob counts as used.

        Raises:
            Corrupted: the blob's file is shorter than it was, or a cold blob cannot be rebuilt; it is set aside.
        """
        return self._reader.open(digest, offset, length, count=count)

    async def read_many(self, digests: Iterable[Digest], *, count: bool = True) -> dict[Digest, bytes | LamellaError]:
        """See ``BlobStore.read_many``; ``count`` says whether the blobs count as used."""
        return await self._batches.read(digests, count=count)

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

    async def write_many(self, blobs: Mapping[Digest, Buffer]) -> dict[Digest, LamellaError]:
        """See ``BlobStore.write_many``."""
        self.index.health.check()
        failures: dict[Digest, LamellaError] = {}
        for digest, actual in (await self._in_thread(_digests, blobs)).items():
            size = memoryview(blobs[digest]).nbytes
            if actual != digest:
                failures[digest] = DigestMismatch(digest, actual)
            elif size > self._max_blob_size:
                failures[digest] = LimitExceeded("the size of a blob", self._max_blob_size, size)
        taken = {digest: data for digest, data in blobs.items() if digest not in failures and digest != EMPTY}
        small = {digest: data for digest, data in taken.items() if memoryview(data).nbytes <= PACKED_MAX}
        if len(small) < PACKED_LEAST:
            small = {}
        alone = [write_blob(self, digest, data) for digest, data in taken.items() if digest not in small]
        await asyncio.gather(*alone, self._pack(small))
        return failures

    async def _pack(self, blobs: Mapping[Digest, Buffer]) -> None:
        if not blobs:
            return
        known = self.blobs.get_many(blobs)
        size = sum(memoryview(data).nbytes for digest, data in blobs.items() if digest not in known)
        async with nullcontext() if self.limit is None or size == 0 else self.limit.room(size):
            await asyncio.wrap_future(self._packer.submit(blobs))

    async def delete(self, digest: Digest) -> bool:
        """See ``BlobStore.delete``."""
        return await self._in_thread(self._remover.delete, digest)

    async def delete_unused(self, digests: Sequence[Digest], before: int) -> Removal:
        """Remove those blobs, all with the same first byte, that are not leased and were last used before a time."""
        return await self._in_thread(self._unused.remove, digests, before)

    async def chunks_of(self, digest: Digest) -> bytes:
        """Return the digests of the chunks that a cold blob is rebuilt from, 32 bytes each; none where it cannot be."""
        return await self._in_thread(self._recipes.chunks, digest)

    async def walk(self) -> AsyncGenerator[BlobInfo, None]:
        """See ``BlobStore.walk``."""
        after: Digest | None = None
        while page := self.blobs.page(after, PAGE):
            for record in page:
                yield BlobInfo(record.digest, record.size)
            after = page[-1].digest
            await asyncio.sleep(0)

    def condemn(self, digest: Digest, reason: str) -> bool:
        """Take a damaged blob out of the store, whoever says so; False where the store accepts no writes. Blocks."""
        return self._remover.quarantine(digest, reason)

    async def quarantine(self, digest: Digest, reason: str) -> None:
        """Take a blob out of the store that was read and is damaged, leased or not, unless its file is whole by now.

        Its file goes to the folder ``quarantine``.
        """
        await self._in_thread(self._remover.suspect, digest, reason)

    def file(self, digest: Digest) -> AbstractAsyncContextManager[Path]:
        """Give a file with a blob's bytes, to read only, that stays until the context is left.

        Raises:
            NotFound: the store does not have the blob.
            Corrupted: a cold blob cannot be rebuilt; it is set aside.
            StorageFull: there is no room for a name, or for the bytes of a blob that has no file of its own.
        """
        return self._lender.file(digest, self._threads)

    async def descriptor(self, digest: Digest) -> int | None:
        """See ``BlobFiles.descriptor``; blobs in the index, packed, cold and inflated ones have none.

        Raises:
            Corrupted: the file has another size than the blob; it is set aside.
        """
        return await self._reader.descriptor(digest)

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(self._threads.submit(function, *args, **kwargs))


def _digests(blobs: Mapping[Digest, Buffer]) -> dict[Digest, Digest]:
    """Return the digests that bytes really have, by those that they are said to have."""
    return {digest: Digest.of(data) for digest, data in blobs.items()}
