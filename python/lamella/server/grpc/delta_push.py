"""The chunks of one ``Delta.Push`` on their way into the store."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from lamella.errors import Invalid
from lamella.server.grpc.chunk_groups import ChunkGroups, total_size
from lamella.server.grpc.upload import next_message
from lamella.wire.chunk_frames import decompress_chunks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from lamella._proto.lamella.v1 import delta_pb2 as pb
    from lamella.store.bases import Base
    from lamella.store.incoming import Incoming
    from lamella.store.protocol import BlobInfo

AHEAD: Final = 2
"""Frames that are decompressed while the one before them is written."""


class ChunkReception:
    """Takes the frames of one call. ``received`` counts bytes of chunks as they are written."""

    def __init__(self, incoming: Incoming, base: Base | None) -> None:
        self._incoming = incoming
        self._base = base
        self._groups = ChunkGroups(incoming.wanted, "chunks.group")
        self._frames: deque[tuple[Sequence[BlobInfo], asyncio.Task[bytes]]] = deque()
        self.received = 0

    async def run(self, messages: AsyncIterator[pb.PushRequest]) -> None:
        """Take frames until no chunk is missing.

        Raises:
            Invalid: a message is no frame, or a frame is not of the chunks that come next.
            DigestMismatch: a chunk is not what it is called.
            LimitExceeded: a frame has more bytes, or needs more of the base, than it may.
            UploadStalled: no message came for ``MAX_IDLE_SECONDS``.
            StorageFull, ReadOnly, Corrupted: as the store says.
        """
        try:
            while self._groups.left:
                await self._begin(await self._next_frame(messages))
                if len(self._frames) > AHEAD:
                    await self._write()
            while self._frames:
                await self._write()
        finally:
            await self._stop()

    async def _next_frame(self, messages: AsyncIterator[pb.PushRequest]) -> pb.ChunkFrame:
        message = await next_message(messages)
        if message is None:
            raise Invalid("chunks", f"the stream ended, but {self._groups.left} are missing")
        if message.WhichOneof("part") != "chunks":
            raise Invalid("part", f"must be chunks, of which {self._groups.left} are missing")
        return message.chunks

    async def _begin(self, frame: pb.ChunkFrame) -> None:
        """Let a frame be decompressed in a thread."""
        chunks = self._groups.take(frame.group)
        base = b""
        if self._base is not None:
            base = await self._base.read(self._groups.ranges(frame.group, self._base))
        elif frame.group.base:
            raise Invalid("chunks.group.base", "must be empty: there is no base")
        decompress = asyncio.to_thread(decompress_chunks, frame.data, total_size(chunks), base)
        self._frames.append((chunks, asyncio.create_task(decompress)))

    async def _write(self) -> None:
        """Write the chunks of the oldest frame, once it is decompressed."""
        chunks, decompressing = self._frames[0]
        view, named = memoryview(await decompressing), {}
        for chunk in chunks:
            named[chunk.digest], view = view[: chunk.size], view[chunk.size :]
        self._frames.popleft()
        self.received += total_size(chunks)
        await self._incoming.add(named)

    async def _stop(self) -> None:
        """Give up the frames that are not written."""
        for _, decompressing in self._frames:
            decompressing.cancel()
        await asyncio.gather(*(decompressing for _, decompressing in self._frames), return_exceptions=True)
