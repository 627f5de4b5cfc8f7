"""Reads blobs of a local store, wherever their bytes are."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

from lamella.errors import Corrupted, NotFound
from lamella.index import BlobRecord, Place
from lamella.store.chunks import ATTEMPTS, LostChunks
from lamella.store.file_reader import read_file
from lamella.store.inflater import DAMAGED
from lamella.store.ranges import range_end
from lamella.store.read_ahead import read_ahead
from lamella.store.recipes import OpenRecipe, Recipes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from concurrent.futures import Executor, Future

    from typing_extensions import Buffer

    from lamella.index import Blobs
    from lamella.model import Digest
    from lamella.store.chunks import Chunks
    from lamella.store.inflater import Content, Inflater
    from lamella.store.layout import Layout
    from lamella.store.reads import Reads
    from lamella.store.remover import Remover

Source: TypeAlias = "bytes | int | OpenRecipe | Content"
"""A blob's bytes, a descriptor of its file, its recipe, or the content that it is."""


class LocalReader:
    """What moves from one place to another while it is looked for is looked for again.

    Reads of cold blobs are noted in ``reads``.
    """

    def __init__(
        self,
        layout: Layout,
        blobs: Blobs,
        chunks: Chunks,
        remover: Remover,
        threads: Executor,
        *,
        inflater: Inflater,
        reads: Reads | None = None,
    ) -> None:
        self._layout = layout
        self._blobs = blobs
        self._recipes = Recipes(layout)
        self._chunks = chunks
        self._inflater = inflater
        self._reads = reads
        self._remover = remover
        self._threads = threads

    async def open(
        self, digest: Digest, offset: int = 0, length: int | None = None, *, count: bool = True
    ) -> AsyncGenerator[Buffer, None]:
        """See ``LocalStore.open``."""
        record, data = self._blobs.look_up(digest, count=count)
        end = range_end(digest, record.size, offset, length)
        if offset == end:
            return
        source = await self._open(record) if data is None else data
        if isinstance(source, bytes):
            yield source[offset:end]
            return
        buffers: AsyncGenerator[Buffer, None]
        if isinstance(source, int):
            buffers = read_file(self._threads, source, offset, end)
        elif isinstance(source, OpenRecipe):
            pieces = self._chunks.rebuild(source.recipe, offset, end - offset)
            buffers = self._made(record, pieces, source)
        else:
            buffers = self._made(record, source.buffers(offset, end), source)
        start = offset
        try:
            async with aclosing(buffers):
                async for buffer in buffers:
                    offset += len(buffer)
                    yield buffer
        finally:
            if count and self._reads is not None and isinstance(source, OpenRecipe):
                self._reads.note(source.recipe, start, offset)
        if offset < end:
            reason = f"its bytes end after {offset} of {record.size}"
            raise await self._condemned(record, ValueError(reason))

    async def descriptor(self, digest: Digest) -> int | None:
        """See ``LocalStore.descriptor``."""
        record, _ = self._blobs.look_up(digest)
        if record.place is not Place.FILE:
            return None
        source = await self._open(record)
        if not isinstance(source, int):
            close_source(source)
            return None
        size = os.fstat(source).st_size
        if size == record.size:
            return source
        os.close(source)
        raise await self._condemned(record, ValueError(f"its file has {size} of {record.size} bytes"))

    async def source(self, digest: Digest) -> tuple[BlobRecord, Source]:
        """Open a blob, which counts as used; the caller closes it (``close_source``).

        Raises:
            NotFound: there is no such blob.
            Corrupted: it cannot be read; it is set aside.
        """
        record, data = self._blobs.look_up(digest)
        return record, await self._open(record) if data is None else data

    async def _open(self, record: BlobRecord) -> Source:
        """Return a blob's bytes, a descriptor of its file, its recipe, or its content; the caller closes it."""
        digest = record.digest
        for _ in range(ATTEMPTS):
            try:
                if record.place is Place.FILE:
                    return os.open(self._layout.blob(digest), os.O_RDONLY | os.O_CLOEXEC)
                return await self._open_in_thread(record)
            except FileNotFoundError:
                await asyncio.wrap_future(self._threads.submit(self._remover.forget_lost, digest))
            except (LostChunks, *DAMAGED) as error:
                raise await self._condemned(record, error) from error
            record, data = self._blobs.look_up(digest)
            if data is not None:
                return data
        raise NotFound(digest)

    async def _open_in_thread(self, record: BlobRecord) -> bytes | OpenRecipe | Content:
        opening: Future[Any]
        if record.place is Place.INFLATED:
            opening = self._threads.submit(self._inflater.open, record)
        elif record.place is Place.PACKED:
            opening = self._threads.submit(self._chunks.read, record)
        else:
            opening = self._threads.submit(self._recipes.open, record.digest)
        try:
            opened: bytes | OpenRecipe | Content = await asyncio.shield(asyncio.wrap_future(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(close_opened)
            raise
        return opened

    async def _made(
        self, record: BlobRecord, buffers: Iterator[memoryview], source: OpenRecipe | Content
    ) -> AsyncGenerator[bytes | memoryview, None]:
        """Yield bytes that are made in threads; where what they are made of is damaged, set that aside."""
        try:
            async with aclosing(read_ahead(self._threads, buffers, source.close)) as ahead:
                async for buffer in ahead:
                    yield buffer
        except (LostChunks, *DAMAGED) as error:
            raise await self._condemned(record, error) from error

    async def _condemned(self, record: BlobRecord, error: Exception) -> Corrupted:
        return await asyncio.wrap_future(self._threads.submit(self._remover.condemn, record, error))


def close_source(source: Source) -> None:
    """Close what ``LocalReader.source`` opened."""
    if isinstance(source, int):
        os.close(source)
    elif not isinstance(source, bytes):
        source.close()


def close_opened(opening: Future[Any]) -> None:
    """Give up what was opened for a caller who has gone."""
    if opening.exception() is None:
        close_source(opening.result())
