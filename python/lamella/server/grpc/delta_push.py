"""The chunks of one ``Delta.Push`` on their way into the store."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from lamella.errors import Invalid
from lamella.server.grpc.chunk_groups import ChunkGroups, total_size
from lamella.server.grpc.shared_work import start_work
from lamella.server.grpc.upload import next_message
from lamella.wire.chunk_frames import decompress_chunks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from lamella._proto.lamella.v1 import delta_pb2 as pb
    from lamella.store.bases import Base
    from lamella.store.incoming import Incoming
    from lamella.store.protocol import BlobInfo

AHEAD: Final = 1
"""Frames that wait, decompressed or about to be, while the one before them is written."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """Some chunks on their way, and what decompresses them in a thread."""

    chunks: Sequence[BlobInfo]
    data: asyncio.Future[bytes]


class ChunkReception:
    """Takes the frames of one call. ``received`` counts bytes of chunks as they are written.

    ``work`` has a turn for each frame that is decompressed at a time, which all calls share.
    """

    def __init__(self, incoming: Incoming, base: Base | None, work: asyncio.Semaphore) -> None:
        self._incoming = incoming
        self._base = base
        self._work = work
        self._groups = ChunkGroups(incoming.wanted, "chunks.group")
        self._frames: asyncio.Queue[_Frame | None] = asyncio.Queue(AHEAD)
        self.received = 0

    async def run(self, messages: AsyncIterator[pb.PushRequest]) -> None:
        """Take frames until no chunk is missing; those that have come are written while further ones come.

        Raises:
            Invalid: a message is no frame, or a frame is not of the chunks that come next.
            DigestMismatch: a chunk is not what it is called.
            LimitExceeded: a frame has more bytes, or needs more of the base, than it may.
            UploadStalled: no message came for ``MAX_IDLE_SECONDS``.
            StorageFull, ReadOnly, Corrupted: as the store says.
        """
        tasks = [asyncio.create_task(self._write_all()), asyncio.create_task(self._receive_all(messages))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            await self._stop(tasks)

    async def _receive_all(self, messages: AsyncIterator[pb.PushRequest]) -> None:
        while self._groups.left:
            frame = await self._next_frame(messages)
            await self._frames.put(await self._begin(frame))
        await self._frames.put(None)

    async def _write_all(self) -> None:
        while (frame := await self._frames.get()) is not None:
            view, named = memoryview(await frame.data), {}
            for chunk in frame.chunks:
                named[chunk.digest], view = view[: chunk.size], view[chunk.size :]
            self.received += total_size(frame.chunks)
            await self._incoming.add(named)

    async def _next_frame(self, messages: AsyncIterator[pb.PushRequest]) -> pb.ChunkFrame:
        message = await next_message(messages)
        if message is None:
            raise Invalid("chunks", f"the stream ended, but {self._groups.left} are missing")
        if message.WhichOneof("part") != "chunks":
            raise Invalid("part", f"must be chunks, of which {self._groups.left} are missing")
        return message.chunks

    async def _begin(self, frame: pb.ChunkFrame) -> _Frame:
        """Let a frame be decompressed in a thread."""
        chunks = self._groups.take(frame.group)
        if self._base is None and frame.group.base:
            raise Invalid("chunks.group.base", "must be empty: there is no base")
        ranges = [] if self._base is None else self._groups.ranges(frame.group, self._base)

        async def read() -> Callable[[], bytes]:
            base = b"" if self._base is None else await self._base.read(ranges)
            return partial(decompress_chunks, frame.data, total_size(chunks), base)

        return _Frame(chunks, await start_work(self._work, read))

    async def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        """Give up what is under way, and the frames that are not written."""
        left: list[asyncio.Future[None] | asyncio.Future[bytes]] = list(tasks)
        while not self._frames.empty():
            if (frame := self._frames.get_nowait()) is not None:
                left.append(frame.data)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
