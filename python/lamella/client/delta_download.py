"""Downloads of what is new in a blob: its recipe, and those of its chunks that are not here."""

from __future__ import annotations

import asyncio
import logging
from contextlib import closing
from typing import TYPE_CHECKING, Final, TypeAlias

from grpc import aio

from lamella._core import Recipe, RecipeError, RecipeReader, sha256
from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella._proto.lamella.v1.delta_pb2_grpc import DeltaStub
from lamella.client.base import find_base
from lamella.client.errors import Missing, ServerFailed, translate
from lamella.client.stream import Stream
from lamella.errors import DigestMismatch, Invalid, NotFound
from lamella.model import Digest
from lamella.wire.chunk_frames import MAX_RECIPE, decompress_chunks, to_bitmap

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.client.base import Base
    from lamella.client.chunk_cache import ChunkCache, Segment
    from lamella.client.connection import Connection
    from lamella.client.download import Target
    from lamella.wire.blob import BlobName

logger = logging.getLogger(__name__)

LEAST_HELD: Final = 0.1
"""The share of a blob's bytes that must be here where there is no base; with less the whole comes faster."""

WINDOW_SIZE: Final = 4 << 20
"""About how many bytes of a blob are put together at once."""

_PullStream: TypeAlias = Stream[pb.PullRequest, pb.PullResponse]


async def download_delta(
    connection: Connection, blob: BlobName, target: Target, cache: ChunkCache, progress: Callable[[int], None]
) -> None:
    """Append a blob to ``target`` from chunks that are in ``cache`` and those that the server sends.

    Stops where it cannot go on, or the whole comes faster: whatever ``target`` has then are the blob's first bytes.

    Raises:
        DigestMismatch: the server sent another chunk than it was asked for.
        OSError: the target cannot be written.
    """
    with cache.segment() as segment:
        pull = _Pull(connection, blob, target, cache, segment, progress=progress)
        try:
            data = await pull.run()
        except aio.AioRpcError as error:
            reason = translate(error, connection.address)
            if not isinstance(reason, Missing):
                logger.info("the rest of %s comes whole: %s", blob.digest, reason)
            return
        except (Invalid, NotFound, RecipeError, ServerFailed) as error:
            logger.info("the rest of %s comes whole: %s", blob.digest, error)
            return
        if data is None:
            return
        await asyncio.to_thread(segment.commit)
    await asyncio.to_thread(cache.keep_recipe, blob.digest, data)


class _Pull:
    """One call."""

    def __init__(
        self,
        connection: Connection,
        blob: BlobName,
        target: Target,
        cache: ChunkCache,
        segment: Segment,
        *,
        progress: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._blob = blob
        self._target = target
        self._cache = cache
        self._segment = segment
        self._progress = progress

    async def run(self) -> bytes | None:
        """Return the recipe after all was appended; None where the whole would come faster, and nothing was.

        Raises:
            AioRpcError: the call failed.
            ServerFailed: it ended before it should.
            Invalid, RecipeError: what the server sent is malformed.
            NotFound: the cache has lost a chunk.
            DigestMismatch: the server sent another chunk than it was asked for.
        """
        begin = pb.PullRequest.Begin(
            instance_name=self._connection.instance, digest=str(self._blob.digest), size_bytes=self._blob.size
        )
        with closing(_PullStream(self._connection, DeltaStub(self._connection.channel).Pull)) as stream:
            await stream.write(pb.PullRequest(begin=begin))
            data = await self._recipe(stream)
            recipe = await asyncio.to_thread(Recipe, data)
            if recipe.digest != self._blob.digest.raw or recipe.size != self._blob.size or recipe.transform:
                raise Invalid("recipe", f"is not that of {self._blob.digest}")
            return data if await self._chunks(stream, recipe) else None

    async def _recipe(self, stream: _PullStream) -> bytes:
        response = await stream.read()
        size, data = response.recipe_size_bytes, bytearray(response.recipe)
        if not 0 < size <= MAX_RECIPE:
            raise Invalid("recipe_size_bytes", f"is {size}, but must be at most {MAX_RECIPE}")
        while len(data) < size:
            data += (await stream.read()).recipe
        return bytes(data)

    async def _chunks(self, stream: _PullStream, recipe: Recipe) -> bool:
        chunks = [(Digest(raw), size) for raw, _, size in recipe.distinct()]
        held = self._cache.known(digest for digest, _ in chunks)
        missing = [number for number, (digest, _) in enumerate(chunks) if digest not in held]
        base = await asyncio.to_thread(find_base, self._cache, recipe) if missing else None
        here = recipe.size - sum(chunks[number][1] for number in missing)
        comes = base is not None or here >= LEAST_HELD * recipe.size
        if missing and comes:
            await stream.write(_wanted(recipe, chunks, missing, base))
        await stream.end()
        if not comes:
            return False
        fresh = [chunks[number] for number in missing]
        reader = RecipeReader(recipe)
        while self._target.size < recipe.size:
            digests = Digest.split(await asyncio.to_thread(reader.wanted, WINDOW_SIZE))
            while any(digest not in held for digest in digests):
                frame = (await stream.read()).chunks
                count = frame.group.chunks
                mine, fresh = fresh[:count], fresh[count:]
                await asyncio.to_thread(self._take, frame, mine, base)
                held.update(digest for digest, _ in mine)
            await asyncio.to_thread(self._append, reader, digests)
        self._connection.traffic.saved += here
        return True

    def _take(self, frame: pb.ChunkFrame, chunks: list[tuple[Digest, int]], base: Base | None) -> None:
        """Take a frame of chunks apart; each is what it is called."""
        if not 0 < frame.group.chunks == len(chunks):
            raise Invalid("chunks", f"are {frame.group.chunks}, of {len(chunks)} that may still come")
        ranges = [(at.offset, at.size) for at in frame.group.base]
        prefix = base.read(ranges) if base is not None and ranges else b""
        data = memoryview(decompress_chunks(frame.data, sum(size for _, size in chunks), prefix))
        for digest, size in chunks:
            if (actual := sha256(data[:size])) != digest.raw:
                raise DigestMismatch(digest, Digest(actual))
            self._segment.add(digest, data[:size])
            data = data[size:]

    def _append(self, reader: RecipeReader, digests: list[Digest]) -> None:
        blobs = {}
        for digest in digests:
            data = self._segment.read(digest)
            if data is None:
                data = self._cache.read(digest)
            if data is not None:
                blobs[digest.raw] = data
        # All are looked at before, so that the cache knows of all that is lost.
        for digest in digests:
            if digest.raw not in blobs:
                raise NotFound(digest)
        window = reader.read([], blobs)
        if window is None:
            raise RecipeError(f"the recipe of {self._blob.digest} ends early")
        self._target.append(window)
        self._progress(len(window))


def _wanted(recipe: Recipe, chunks: list[tuple[Digest, int]], missing: list[int], base: Base | None) -> pb.PullRequest:
    groups = [
        pb.ChunkGroup(chunks=count, base=[pb.BaseRange(offset=offset, size=size) for offset, size in ranges])
        for count, ranges in recipe.groups(missing, None if base is None else base.recipe)
    ]
    return pb.PullRequest(
        wanted=pb.PullRequest.Wanted(
            missing=to_bitmap(missing, len(chunks)),
            base_digest="" if base is None else str(base.digest),
            groups=groups,
        )
    )
