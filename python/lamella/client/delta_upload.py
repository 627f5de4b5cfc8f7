"""Uploads of what is new in a file: its recipe, and those of its chunks that the server lacks."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING, Final, TypeAlias

from grpc import aio

from lamella._core import LayerError, RecipeError
from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella._proto.lamella.v1.delta_pb2_grpc import DeltaStub
from lamella.client.base import find_base
from lamella.client.cut import Cut, is_plain
from lamella.client.errors import ServerFailed, translate
from lamella.client.stream import Stream
from lamella.errors import Invalid, NotFound
from lamella.wire.chunk_frames import MAX_PART, MAX_RECIPE, compress_chunks, from_bitmap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lamella.client.base import Base
    from lamella.client.blob import Blob
    from lamella.client.chunk_cache import ChunkCache, Segment
    from lamella.client.connection import Connection

logger = logging.getLogger(__name__)

MOST_MISSING: Final = 0.95
"""The share of a blob's bytes that may be missing where there is no base: with more, one stream is less work."""

FRAMES_AHEAD: Final = 3
"""Frames that are being compressed while one is sent."""

_PushStream: TypeAlias = Stream[pb.PushRequest, pb.PushResponse]


async def upload_delta(
    connection: Connection, blob: Blob, path: Path, cache: ChunkCache, progress: Callable[[int], None]
) -> bool:
    """Send what is new of a file, and return True; False where the whole must be sent, or better is.

    What was sent is kept in the cache, for the next release to be compressed against.

    Raises:
        OSError: the file cannot be read.
    """
    cut = await asyncio.to_thread(_cut, path)
    if cut is None or cut.digest != blob.digest or not cut.chunks or len(cut.data) > MAX_RECIPE:
        return False
    base = await asyncio.to_thread(find_base, cache, cut.recipe)
    with cache.segment() as segment:
        push = _Push(connection, blob, cut, base, segment, progress=progress)
        try:
            done = await push.run()
        except aio.AioRpcError as error:
            logger.info("%s goes whole: %s", blob.digest, translate(error, connection.address))
            done = False
        except (Invalid, NotFound, RecipeError, ServerFailed) as error:
            logger.info("%s goes whole: %s", blob.digest, error)
            done = False
        if not done:
            progress(-push.told)
            return False
        await asyncio.to_thread(segment.commit)
    await asyncio.to_thread(cache.keep_recipe, cut.digest, cut.data)
    return True


async def keep_file(path: Path, cache: ChunkCache) -> None:
    """Keep a file that moved whole, where the next release may have some in common with it.

    It has moved: where it cannot be read any more, since whoever waited for it has taken it away, that is no failure.
    """
    try:
        await asyncio.to_thread(_keep_file, path, cache)
    except OSError as error:
        logger.info("%s is not kept for the next time: %s", path, error)


def _keep_file(path: Path, cache: ChunkCache) -> None:
    cut = _cut(path)
    if cut is None:
        return
    known = cache.known(digest for digest, _, _ in cut.chunks)
    with cache.segment() as segment:
        for number, (digest, _, _) in enumerate(cut.chunks):
            if digest not in known:
                segment.add(digest, *cut.read([number]))
        segment.commit()
    cache.keep_recipe(cut.digest, cut.data)


def _cut(path: Path) -> Cut | None:
    """Return a file's recipe; None where the file is compressed, or the recipe far longer than any that is sent."""
    if not is_plain(path):
        return None
    try:
        return Cut(path)
    except LayerError as error:
        logger.info("%s is not cut: %s", path, error)
        return None


class _Push:
    """One call. ``told`` is what ``progress`` was told so far."""

    def __init__(
        self,
        connection: Connection,
        blob: Blob,
        cut: Cut,
        base: Base | None,
        segment: Segment,
        *,
        progress: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._blob = blob
        self._cut = cut
        self._base = base
        self._segment = segment
        self._progress = progress
        self.told = 0

    async def run(self) -> bool:
        """Return whether the server has the blob now; where it has not, nothing went wrong.

        Raises:
            AioRpcError: the call failed.
            ServerFailed: it ended before it should.
            Invalid: the server's answer is malformed.
            NotFound, RecipeError: the base cannot be read.
            OSError: the file cannot be read.
        """
        with closing(_PushStream(self._connection, DeltaStub(self._connection.channel).Push)) as stream:
            return await self._talk(stream)

    async def _talk(self, stream: _PushStream) -> bool:
        for request in self._offer():
            await stream.write(request)
        wanted = (await stream.read()).wanted
        numbers = from_bitmap(wanted.missing, len(self._cut.chunks))
        size = self._cut.size(numbers)
        base = self._base if wanted.has_base else None
        if base is None and size > MOST_MISSING * self._blob.size:
            return False
        self._tell(self._blob.size - size)
        await self._send(stream, numbers, base)
        await stream.end()
        if not (await stream.read()).HasField("done"):
            raise ServerFailed(self._connection.address, f"{self._blob.digest}: the push was not acknowledged")
        self._connection.traffic.saved += self._blob.size - size
        return True

    def _offer(self) -> Iterator[pb.PushRequest]:
        data = self._cut.data
        yield pb.PushRequest(
            begin=pb.PushRequest.Begin(
                instance_name=self._connection.instance,
                digest=str(self._blob.digest),
                size_bytes=self._blob.size,
                recipe_size_bytes=len(data),
                base_digest="" if self._base is None else str(self._base.digest),
            )
        )
        for start in range(0, len(data), MAX_PART):
            yield pb.PushRequest(recipe=data[start : start + MAX_PART])

    async def _send(self, stream: _PushStream, numbers: list[int], base: Base | None) -> None:
        frames: deque[tuple[int, asyncio.Task[pb.PushRequest]]] = deque()

        async def send_first() -> None:
            size, frame = frames.popleft()
            await stream.write(await frame)
            self._tell(size)

        first = 0
        try:
            for count, ranges in self._cut.recipe.groups(numbers, None if base is None else base.recipe):
                mine = numbers[first : first + count]
                first += count
                frame = asyncio.create_task(asyncio.to_thread(self._frame, mine, base, ranges))
                frames.append((self._cut.size(mine), frame))
                if len(frames) > FRAMES_AHEAD:
                    await send_first()
            while frames:
                await send_first()
        finally:
            for _, frame in frames:
                frame.cancel()

    def _frame(self, numbers: list[int], base: Base | None, ranges: list[tuple[int, int]]) -> pb.PushRequest:
        chunks = self._cut.read(numbers)
        for number, data in zip(numbers, chunks, strict=True):
            self._segment.add(self._cut.chunks[number][0], data)
        prefix = b"" if base is None else base.read(ranges)
        group = pb.ChunkGroup(
            chunks=len(numbers), base=[pb.BaseRange(offset=offset, size=size) for offset, size in ranges]
        )
        return pb.PushRequest(chunks=pb.ChunkFrame(group=group, data=compress_chunks(b"".join(chunks), prefix)))

    def _tell(self, size: int) -> None:
        self.told += size
        self._progress(size)
