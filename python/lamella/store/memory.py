"""Blobs in memory, for tests and for stores that nobody minds losing: it is as durable as its process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lamella.errors import DigestMismatch, LimitExceeded, NotFound
from lamella.model import EMPTY, Digest
from lamella.store.buffered_file import MAX_BLOB_SIZE
from lamella.store.protocol import BUFFER_SIZE, BlobInfo
from lamella.store.ranges import range_end
from lamella.store.small_blobs import write_blob

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping

    from typing_extensions import Buffer

    from lamella.errors import LamellaError


class MemoryStore:
    """A ``BlobStore`` that keeps every blob in memory."""

    def __init__(self, *, max_blob_size: int = MAX_BLOB_SIZE) -> None:
        self._blobs: dict[Digest, bytes] = {}
        self._max_blob_size = max_blob_size

    async def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """See ``BlobStore.missing``."""
        return set(digests) - self._blobs.keys() - {EMPTY}

    async def stat(self, digest: Digest) -> BlobInfo:
        """See ``BlobStore.stat``."""
        return BlobInfo(digest, len(self._get(digest)))

    async def open(self, digest: Digest, offset: int = 0, length: int | None = None) -> AsyncGenerator[Buffer, None]:
        """See ``BlobStore.open``."""
        data = self._get(digest)
        end = range_end(digest, len(data), offset, length)
        for start in range(offset, end, BUFFER_SIZE):
            yield data[start : min(start + BUFFER_SIZE, end)]

    async def read_many(self, digests: Iterable[Digest]) -> dict[Digest, bytes | LamellaError]:
        """See ``BlobStore.read_many``."""
        found: dict[Digest, bytes | LamellaError] = {}
        for digest in digests:
            try:
                found[digest] = self._get(digest)
            except NotFound as error:
                found[digest] = error
        return found

    @asynccontextmanager
    async def writer(self, expected: Digest | None = None) -> AsyncIterator[MemoryWriter]:
        """See ``BlobStore.writer``."""
        yield MemoryWriter(self._blobs, expected, self._max_blob_size)

    async def write_many(self, blobs: Mapping[Digest, Buffer]) -> dict[Digest, LamellaError]:
        """See ``BlobStore.write_many``."""
        failures: dict[Digest, LamellaError] = {}
        for digest, data in blobs.items():
            try:
                await write_blob(self, digest, data)
            except (DigestMismatch, LimitExceeded) as error:
                failures[digest] = error
        return failures

    async def delete(self, digest: Digest) -> bool:
        """See ``BlobStore.delete``."""
        return self._blobs.pop(digest, None) is not None

    async def walk(self) -> AsyncGenerator[BlobInfo, None]:
        """See ``BlobStore.walk``."""
        for digest in sorted(self._blobs):
            if (data := self._blobs.get(digest)) is not None:
                yield BlobInfo(digest, len(data))

    def _get(self, digest: Digest) -> bytes:
        data = b"" if digest == EMPTY else self._blobs.get(digest)
        if data is None:
            raise NotFound(digest)
        return data


class MemoryWriter:
    """A ``BlobWriter`` into a dictionary."""

    def __init__(self, blobs: dict[Digest, bytes], expected: Digest | None, most: int) -> None:
        self._blobs = blobs
        self._expected = expected
        self._most = most
        self._data = bytearray()
        self._over = False

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return len(self._data)

    async def write(self, buffer: Buffer) -> None:
        """See ``BlobWriter.write``."""
        self._check_open()
        size = self.size + memoryview(buffer).nbytes
        if size > self._most:
            raise LimitExceeded("the size of a blob", self._most, size)
        self._data += buffer

    async def commit(self) -> Digest:
        """See ``BlobWriter.commit``."""
        self._check_open()
        self._over = True
        digest = Digest.of(self._data)
        if self._expected is not None and digest != self._expected:
            raise DigestMismatch(self._expected, digest)
        if digest != EMPTY:
            self._blobs.setdefault(digest, bytes(self._data))
        return digest

    def _check_open(self) -> None:
        if self._over:
            raise RuntimeError("the writer was committed")
