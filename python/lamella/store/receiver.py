"""Takes blobs as recipes and the chunks that are not there: they are cold at once, and nothing is written twice."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from lamella._core import RecipeError
from lamella.errors import Invalid, MissingChunks, SizeMismatch
from lamella.model import Digest
from lamella.store.chunks import LostChunks, is_chunk
from lamella.store.cold_writer import CannotTurnCold
from lamella.store.incoming import Incoming, parse_recipe
from lamella.store.new_chunks import NewChunks
from lamella.store.read_ahead import read_ahead

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from concurrent.futures import Executor

    from lamella._core import Recipe
    from lamella.index import Blobs
    from lamella.store.assembler import Assembler
    from lamella.store.chunks import Chunks
    from lamella.store.limit import SizeLimit
    from lamella.store.packs import Packs
    from lamella.store.protocol import BlobInfo, BlobStore

P = ParamSpec("P")
T = TypeVar("T")

PAGE: Final = 1000
"""Records that are read in one transaction."""


class Receiver:
    """The rest of ``LocalStore`` does what blocks."""

    def __init__(
        self,
        store: BlobStore,
        blobs: Blobs,
        packs: Packs,
        chunks: Chunks,
        *,
        assembler: Assembler,
        limit: SizeLimit | None,
        threads: Executor,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._packs = packs
        self._chunks = chunks
        self._assembler = assembler
        self._limit = limit
        self._threads = threads

    @asynccontextmanager
    async def receive(self, blob: BlobInfo, data: bytes) -> AsyncIterator[Incoming]:
        """Begin with the bytes of a blob's recipe, once there is room for the chunks that are not there.

        Those that are there count as used. Leaving the context without ``commit`` discards what was added, but for
        packs that are full.

        Raises:
            Invalid: the recipe is damaged, another blob's, or not of chunks that this store cuts.
            SizeMismatch: the blob or a chunk is there, with another size.
            StorageFull: there is no room.
        """
        recipe = await self._in_thread(parse_recipe, blob, data)
        incoming = Incoming(recipe, NewChunks(self._packs, self._blobs), self._threads)
        if not await self._store.missing([blob.digest]):
            size = (await self._store.stat(blob.digest)).size
            if size != blob.size:
                raise SizeMismatch(blob.digest, blob.size, size)
            incoming.stored = True
            yield incoming
            return
        missing, stale = await self._in_thread(self._look_up, incoming.chunks)
        gone = await self._store.missing(incoming.chunks[number].digest for number in stale)
        incoming.missing = sorted(missing + [number for number in stale if incoming.chunks[number].digest in gone])
        size = len(data) + sum(chunk.size for chunk in incoming.wanted)
        async with nullcontext() if self._limit is None else self._limit.room(size):
            try:
                yield incoming
            finally:
                incoming.close()

    async def commit(self, incoming: Incoming) -> None:
        """Make the blob durable, and cold, once it was rebuilt from what is on the disk.

        Raises:
            MissingChunks: chunks were not added, or are gone meanwhile.
            Invalid: the chunks make another blob.
            StorageFull, ReadOnly: as the store says.
        """
        if incoming.stored:
            return
        await incoming.publish()
        try:
            await self._in_thread(self._assembler.assemble, incoming.recipe)
        except RecipeError as error:
            raise Invalid("recipe", str(error)) from None
        except CannotTurnCold:
            await self._write_whole(incoming.recipe)

    async def _write_whole(self, recipe: Recipe) -> None:
        """Store a blob that cannot be cold now."""
        blob = Digest(recipe.digest)
        rebuilt = read_ahead(self._threads, self._chunks.rebuild(recipe), lambda: None)
        try:
            async with self._store.writer(blob) as writer, aclosing(rebuilt) as buffers:
                async for buffer in buffers:
                    await writer.write(buffer)
                await writer.commit()
        except LostChunks as error:
            raise MissingChunks(blob, error.chunks) from error

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(self._threads.submit(function, *args, **kwargs))

    def _look_up(self, chunks: Sequence[BlobInfo]) -> tuple[list[int], list[int]]:
        """Return the numbers of chunks that no recipe can be read with, and of those whose use is to be written down.

        Raises:
            SizeMismatch: one is another blob.
        """
        missing, stale = [], []
        for start in range(0, len(chunks), PAGE):
            page = chunks[start : start + PAGE]
            records = self._blobs.get_many(chunk.digest for chunk in page)
            for number, chunk in enumerate(page, start):
                record = records.get(chunk.digest)
                if record is not None and record.size != chunk.size:
                    raise SizeMismatch(chunk.digest, chunk.size, record.size)
                if record is None or not is_chunk(record):
                    missing.append(number)
                elif self._blobs.is_stale(record):
                    stale.append(number)
        return missing, stale
