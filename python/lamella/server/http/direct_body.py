"""Large bodies, which a thread takes from the socket straight to the file.

On its usual way through the event loop and the parser a body is copied several times, and goes from thread to thread
for each mebibyte (``docs/decisions/0010-oci-door.md`` has the figures).
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from aiohttp import web

from lamella.server.http import limits
from lamella.server.http.body import say_continue
from lamella.server.http.errors import BodyTimeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Self

TAKEN: Final = web.RequestKey("taken", bool)
"""The key of a request whose connection can serve no further one: its parser never saw the end of the body."""


class DirectBody:
    """Implements ``registry.uploads.Connection``; enter it as a context, and leave it when nobody receives any more."""

    def __init__(self, request: web.BaseRequest, length: int) -> None:
        self._request = request
        self._length = length
        self.left = length
        self.descriptor = -1

    @staticmethod
    def suits(request: web.BaseRequest) -> bool:
        """Tell whether a body is large, and is on the connection as it is: of a known length, without TLS."""
        length = request.content_length
        if length is None or length < limits.DIRECT_SIZE or request.transport is None:
            return False
        chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
        return not chunked and request.transport.get_extra_info("sslcontext") is None

    @property
    def count(self) -> int:
        """How many bytes came."""
        return self._length - self.left

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor < 0:
            return
        os.close(self.descriptor)
        if self.left == 0:
            # So that nobody waits for what the parser still expects.
            self._request.content.feed_eof()
        elif self._request.transport is not None:
            self._request.transport.resume_reading()

    async def arrived(self) -> AsyncIterator[bytes]:
        """See ``Connection.arrived``.

        Raises:
            ConnectionError: the client is gone.
        """
        await say_continue(self._request)
        while True:
            # A buffer that was full resumes reading when it is taken, so this is said again each time.
            transport = self._request.transport
            if transport is None:
                raise ConnectionResetError("the client is gone")
            buffer = self._request.content.read_nowait()
            transport.pause_reading()
            if not buffer:
                break
            self.left -= len(buffer)
            yield buffer
        if self.left:
            # Of our own: the transport's may become another connection's while a thread still uses it.
            self.descriptor = os.dup(transport.get_extra_info("socket").fileno())
            self._request[TAKEN] = True

    async def readable(self) -> None:
        """See ``Connection.readable``.

        Raises:
            BodyTimeout: nothing came for ``BODY_SECONDS``.
        """
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self.descriptor, ready.set)
        try:
            async with asyncio.timeout(limits.BODY_SECONDS):
                await ready.wait()
        except TimeoutError:
            raise BodyTimeout(limits.BODY_SECONDS) from None
        finally:
            loop.remove_reader(self.descriptor)

    def received(self, count: int) -> None:
        """See ``Connection.received``."""
        if count == 0:
            raise ConnectionResetError("the body broke off")
        self.left -= count
