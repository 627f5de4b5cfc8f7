"""zstd streams (RFC 8878) on their way in and out, with bounded memory and off the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from lamella.errors import Invalid
from lamella.store.protocol import BUFFER_SIZE
from lamella.wire.zstd import zstd

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from typing_extensions import Buffer

LEVEL: Final = 1
"""Quick enough for a network: blobs at rest are compressed elsewhere, and better."""

MAX_WINDOW_LOG: Final = 23
"""The largest window of an incoming stream, 8 MiB: what RFC 8878, 3.1.1.1.2 asks every decoder to support."""

FURTHER: Final = 16 << 10
"""Bytes given to the decoder at once after the first frame of a message: each further frame copies what follows it."""


async def compress(buffers: AsyncIterator[Buffer]) -> AsyncGenerator[bytes, None]:
    """Yield one frame that holds all of ``buffers``."""
    compressor = zstd.ZstdCompressor(level=LEVEL)
    async for buffer in buffers:
        if block := await asyncio.to_thread(compressor.compress, buffer):
            yield block
    yield compressor.flush()


class Decompressor:
    """Takes a stream of frames apart; every block that comes out has at most ``BUFFER_SIZE`` bytes."""

    def __init__(self) -> None:
        self._frame = self._new_frame()
        self._started = False

    @property
    def complete(self) -> bool:
        """Whether the stream may end here: between two frames."""
        return not self._started

    async def decompress(self, data: Buffer) -> AsyncIterator[bytes]:
        """Yield what the next bytes of the stream hold; raises as ``blocks``."""
        blocks = self.blocks(data)
        while block := await asyncio.to_thread(next, blocks, b""):
            yield block

    def blocks(self, data: Buffer) -> Iterator[bytes]:
        """Yield what the next bytes of the stream hold; each step keeps its thread busy.

        Raises:
            Invalid: the bytes are not zstd, damaged, or need a larger window than the server gives.
        """
        view = memoryview(data)
        start, end = 0, len(view)
        while True:
            self._started = self._started or start < end
            try:
                block = self._frame.decompress(view[start:end], BUFFER_SIZE)
            except zstd.ZstdError as error:
                raise Invalid("data", f"is not a zstd stream that this server reads: {error}") from None
            if block:
                yield block
            start = end
            if self._frame.eof:
                start -= len(self._frame.unused_data)
                self._frame, self._started = self._new_frame(), False
            elif not self._frame.needs_input:
                continue
            if start == len(view):
                return
            end = min(start + FURTHER, len(view))

    @staticmethod
    def _new_frame() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG})
