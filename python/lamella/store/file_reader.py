"""Reads a file in threads, one buffer ahead of who receives them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from lamella.store.protocol import BUFFER_SIZE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from concurrent.futures import Executor


async def read_file(threads: Executor, descriptor: int, offset: int, end: int) -> AsyncGenerator[bytes, None]:
    """Yield the bytes from ``offset`` to ``end``, fewer where the file ends before, and close ``descriptor``."""
    reading = threads.submit(os.pread, descriptor, min(BUFFER_SIZE, end - offset), offset)
    try:
        while buffer := await asyncio.wrap_future(reading):
            offset += len(buffer)
            reading = threads.submit(os.pread, descriptor, min(BUFFER_SIZE, end - offset), offset)
            yield buffer
    finally:
        # A read that is under way still needs the descriptor: it must not be given to another file meanwhile.
        reading.cancel()
        reading.add_done_callback(lambda _: os.close(descriptor))
