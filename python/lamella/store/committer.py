"""Turns received bytes into a blob: in the index where they are few, otherwise as a file."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from lamella.errors import DigestMismatch
from lamella.index import INLINE_MAX, Place
from lamella.model import EMPTY, Digest
from lamella.store.publisher import Publication

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from lamella._core import BlobFile
    from lamella.index import BlobRecord, Blobs, Index
    from lamella.index.table import Transaction
    from lamella.store.buffered_file import BufferedFile
    from lamella.store.layout import Layout
    from lamella.store.limit import SizeLimit
    from lamella.store.publisher import Publisher


class Committer:
    """What every writer of a local store ends with."""

    def __init__(
        self, layout: Layout, index: Index, blobs: Blobs, publisher: Publisher, limit: SizeLimit | None = None
    ) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._publisher = publisher
        self._limit = limit

    async def commit(self, file: BufferedFile, expected: Digest | None) -> Digest:
        """Store everything that ``file`` received; see ``BlobWriter.commit``.

        Raises:
            StorageFull: there is no room.
        """
        self._index.health.check()
        content = file.content
        if content is not None and len(content) <= INLINE_MAX:
            digest = _checked(Digest.of(content), expected)
            if digest != EMPTY:
                async with self._room(digest, len(content)):
                    await self._index.write(partial(self._put_inline, digest, content))
            return digest
        publication, known = await file.finish(partial(self._sync, expected))
        if not known:
            async with self._room(publication.digest, publication.size):
                await asyncio.wrap_future(self._publisher.submit(publication))
        return publication.digest

    def _room(self, digest: Digest, size: int) -> AbstractAsyncContextManager[None]:
        """Wait for room for a blob, if the store is limited and does not have it."""
        if self._limit is None or self._blobs.get(digest) is not None:
            return nullcontext()
        return self._limit.room(size)

    def _put_inline(self, digest: Digest, content: bytes, txn: Transaction) -> None:
        found = self._blobs.use(txn, digest)
        if found is None or not self._layout.has(found):
            self._blobs.put(txn, digest, len(content), content)

    def _sync(self, expected: Digest | None, file: BlobFile) -> tuple[Publication, bool]:
        """Make a complete file durable, unless its blob is there already; tell what it is, and whether it was."""
        digest = _checked(Digest(file.digest()), expected)
        publication = Publication(file, digest, file.size)
        if digest == EMPTY or self._is_stored(publication):
            return publication, True
        try:
            file.sync()
        except OSError as error:
            self._index.health.sync_failed(error)
        return publication, False

    def _is_stored(self, publication: Publication) -> bool:
        """Tell whether the store has a blob, whole, and count it as used."""
        digest = publication.digest
        record = self._blobs.get(digest)
        if record is not None and record.source is not None:
            record = self._blobs.get(record.source)
        if record is None or not self._layout.has(record):
            return False
        if record.place is Place.FILE and not self._has_file(record):
            return False
        return self._index.submit(lambda txn: self._blobs.use(txn, digest)).result() is not None

    def _has_file(self, record: BlobRecord) -> bool:
        try:
            return self._layout.blob(record.digest).stat().st_size == record.size
        except FileNotFoundError:
            return False


def _checked(digest: Digest, expected: Digest | None) -> Digest:
    if expected is not None and digest != expected:
        raise DigestMismatch(expected, digest)
    return digest
