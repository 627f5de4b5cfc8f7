"""Reading a request's body as it comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11

from lamella.errors import LimitExceeded
from lamella.server.http.errors import BodyTimeout
from lamella.server.http.limits import BODY_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def say_continue(request: web.BaseRequest) -> None:
    """Tell a client to go on that waits for that before it sends the body (RFC 9110, 10.1.1).

    One of HTTP/1.0 would take it for the answer.
    """
    expects = request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11
    if expects and request.body_exists:
        await request.writer.write(_CONTINUE)
        # What aiohttp goes by to tell whether an answer was begun.
        request.writer.output_size = 0


async def buffers(request: web.BaseRequest) -> AsyncIterator[bytes]:
    """Yield a body's bytes as they come.

    Raises:
        BodyTimeout: none came for ``BODY_SECONDS``.
        ConnectionError: the client is gone before the end.
    """
    await say_continue(request)
    while True:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                buffer = await request.content.readany()
        except TimeoutError:
            raise BodyTimeout(BODY_SECONDS) from None
        if not buffer:
            return
        yield buffer


async def read_body(request: web.BaseRequest, name: str, most: int) -> bytes:
    """Return a small body whole.

    Raises:
        LimitExceeded: it has more than ``most`` bytes.
        BodyTimeout, ConnectionError: as for ``buffers``.
    """
    if request.content_length is not None and request.content_length > most:
        raise LimitExceeded(name, most, request.content_length)
    body = bytearray()
    async for buffer in buffers(request):
        body += buffer
        if len(body) > most:
            raise LimitExceeded(name, most, len(body))
    return bytes(body)
