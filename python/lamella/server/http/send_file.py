"""Sending a file through the kernel, in threads.

``loop.sendfile`` calls the kernel on the event loop. That call reads the disk where the page cache lacks the file, and
goes on for as long as the client takes bytes as fast as they come; nothing else on the loop does meanwhile
(``docs/decisions/0010-oci-door.md`` has the figures).
"""

from __future__ import annotations

import asyncio
import os
import select
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from lamella.server.http import limits

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aiohttp import web

FIRST_SIZE: Final = 64 << 10
"""Bytes that asyncio sends itself, since it sees to it that everything written before is out."""

CALL_SIZE: Final = 16 << 20
"""The most bytes that one call of the kernel sends: it goes on while a fast client takes them."""

TURN_SECONDS: Final = 0.1
"""How long a thread goes on with one transfer, be it aborted meanwhile, while others may wait for the thread."""

THREADS: Final = 8
"""Transfers at once; waiting for a slow client takes no thread."""

PATIENCE_MS: Final = 5
"""How long a thread waits for a client before the event loop does: fast clients are ready again much sooner."""

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="send-file")


async def send_file(request: web.BaseRequest, descriptor: int, span: range) -> AsyncGenerator[int, None]:
    """Send a part of a file over plain TCP, yield how many bytes went out each time, and close ``descriptor``.

    Fewer are sent only where the file ends before the part does.

    Raises:
        ConnectionError: the client is gone, or took no byte for ``STALL_SECONDS``.
    """
    transport = request.transport
    try:
        if transport is None:
            raise ConnectionResetError("the client is gone")
        # A descriptor of our own: the transport's may become another connection's while a thread still uses it.
        connection = os.dup(transport.get_extra_info("socket").fileno())
    except OSError:
        os.close(descriptor)
        raise
    sending: Future[int] = Future()
    sending.set_result(0)
    try:
        with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
            first = min(FIRST_SIZE, len(span))
            try:
                async with asyncio.timeout(limits.STALL_SECONDS):
                    sent = await asyncio.get_running_loop().sendfile(transport, file, span.start, first)
            except TimeoutError:
                transport.abort()  # to close would wait for what was written before
                raise _stalled() from None
        yield sent
        offset = span.start + sent
        while offset < span.stop:
            sending = _threads.submit(_send, connection, descriptor, offset, span.stop - offset)
            try:
                sent = await asyncio.wrap_future(sending)
            except BlockingIOError:
                await _writable(connection)
                continue
            if sent == 0:
                return
            yield sent
            offset += sent
    finally:
        sending.add_done_callback(lambda _: _close(connection, descriptor))


def _send(connection: int, descriptor: int, offset: int, count: int) -> int:
    """Send up to ``count`` bytes within a turn and return how many; 0 at the end of the file.

    Raises:
        BlockingIOError: the client takes none.
    """
    writable = select.poll()
    writable.register(connection, select.POLLOUT)
    end = time.monotonic() + TURN_SECONDS
    sent = 0
    while sent < count and (not sent or time.monotonic() < end):
        try:
            went = os.sendfile(connection, descriptor, offset + sent, min(CALL_SIZE, count - sent))
        except BlockingIOError:
            if writable.poll(PATIENCE_MS):
                continue
            if sent == 0:
                raise
            break
        if went == 0:
            break
        sent += went
    return sent


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


async def _writable(connection: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(connection, ready.set)
    try:
        async with asyncio.timeout(limits.STALL_SECONDS):
            await ready.wait()
    except TimeoutError:
        raise _stalled() from None
    finally:
        loop.remove_writer(connection)


def _stalled() -> ConnectionAbortedError:
    return ConnectionAbortedError(f"the client took nothing for {limits.STALL_SECONDS:g} seconds")
