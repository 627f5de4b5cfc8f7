"""What every wrapper of a store begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager

    from typing_extensions import Buffer

    from lamella.errors import LamellaError
    from lamella.model import Digest
    from lamella.store.protocol import BlobInfo, BlobStore, BlobWriter


class WrappedStore:
    """A ``BlobStore`` that passes everything on to ``inner``; a wrapper overrides what it changes."""

    def __init__(self, inner: BlobStore) -> None:
        self._inner = inner

    async def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """See ``BlobStore.missing``."""
        return await self._inner.missing(digests)

    async def stat(self, digest: Digest) -> BlobInfo:
        """See ``BlobStore.stat``."""
        return await self._inner.stat(digest)

    def open(self, digest: Digest, offset: int = 0, length: int | None = None) -> AsyncGenerator[Buffer, None]:
        """See ``BlobStore.open``."""
        return self._inner.open(digest, offset, length)

    async def read_many(self, digests: Iterable[Digest]) -> dict[Digest, bytes | LamellaError]:
        """See ``BlobStore.read_many``."""
        return await self._inner.read_many(digests)

    def writer(self, expected: Digest | None = None) -> AbstractAsyncContextManager[BlobWriter]:
        """See ``BlobStore.writer``."""
        return self._inner.writer(expected)

    async def write_many(self, blobs: Mapping[Digest, Buffer]) -> dict[Digest, LamellaError]:
        """See ``BlobStore.write_many``."""
        return await self._inner.write_many(blobs)

    async def delete(self, digest: Digest) -> bool:
        """See ``BlobStore.delete``."""
        return await self._inner.delete(digest)

    def walk(self) -> AsyncGenerator[BlobInfo, None]:
        """See ``BlobStore.walk``."""
        return self._inner.walk()
