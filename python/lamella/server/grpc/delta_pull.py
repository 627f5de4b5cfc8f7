"""The chunks of one ``Delta.Pull`` on their way to the client."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella.errors import Invalid
from lamella.server.grpc.chunk_groups import ChunkGroups, total_size
from lamella.server.grpc.shared_work import start_work
from lamella.wire.chunk_frames import compress_chunks, from_bitmap

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from lamella.store.bases import Base
    from lamella.store.outgoing import Outgoing

AHEAD: Final = 1
"""Frames that are compressed, or about to be, ahead of the one that is sent."""


class ChunkDispatch:
    """Sends the chunks that a client lacks. ``sent`` counts their bytes as they leave.

    ``work`` has a turn for each frame that is compressed at a time, which all calls share.
    """

    def __init__(self, outgoing: Outgoing, base: Base | None, work: asyncio.Semaphore) -> None:
        self._outgoing = outgoing
        self._base = base
        self._work = work
        self._frames: deque[tuple[int, asyncio.Future[pb.ChunkFrame]]] = deque()
        self.sent = 0

    async def frames(self, wanted: pb.PullRequest.Wanted) -> AsyncGenerator[pb.ChunkFrame, None]:
        """Yield the frames of all chunks that are missing.

        Raises:
            Invalid: the bitmap is not one of the recipe's chunks, or the groups are not of these chunks.
            LimitExceeded: a group has more bytes, or needs more of the base, than it may.
            NoChunks: chunks are lost.
            Corrupted: the base cannot be read.
        """
        missing = from_bitmap(wanted.missing, len(self._outgoing.chunks))
        if (grouped := sum(group.chunks for group in wanted.groups)) != len(missing):
            raise Invalid("wanted.groups", f"have {grouped} chunks, but {len(missing)} are missing")
        groups = ChunkGroups([self._outgoing.chunks[number] for number in missing], "wanted.groups")
        try:
            for group in wanted.groups:
                await self._begin(groups, group)
                if len(self._frames) > AHEAD:
                    yield await self._first()
            while self._frames:
                yield await self._first()
        finally:
            await self._stop()

    async def _begin(self, groups: ChunkGroups, group: pb.ChunkGroup) -> None:
        """Let a group be compressed in a thread."""
        chunks = groups.take(group)
        ranges = [] if self._base is None else groups.ranges(group, self._base)
        used = pb.ChunkGroup(chunks=group.chunks, base=group.base if ranges else ())

        async def read() -> Callable[[], pb.ChunkFrame]:
            base = b"" if self._base is None else await self._base.read(ranges)
            return partial(_compress, used, await self._outgoing.read(chunks), base)

        self._frames.append((total_size(chunks), await start_work(self._work, read)))

    async def _first(self) -> pb.ChunkFrame:
        """Return the oldest frame, once it is compressed."""
        size, compressing = self._frames[0]
        frame = await compressing
        self._frames.popleft()
        self.sent += size
        return frame

    async def _stop(self) -> None:
        """Give up the frames that are not sent."""
        for _, compressing in self._frames:
            compressing.cancel()
        await asyncio.gather(*(compressing for _, compressing in self._frames), return_exceptions=True)


def _compress(group: pb.ChunkGroup, data: bytes, base: bytes) -> pb.ChunkFrame:
    return pb.ChunkFrame(group=group, data=compress_chunks(data, base))
