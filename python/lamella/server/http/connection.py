"""Connections: what aiohttp answers by itself, and how long it waits."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import HttpVersion11, web

from lamella.server.http import limits
from lamella.server.http.limits import FIRST_REQUEST_SECONDS, KEEPALIVE_SECONDS, LINGER_SECONDS, READ_BUFFER
from lamella.server.http.status import error_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http_parser import RawRequestMessage
    from aiohttp.streams import StreamReader

logger = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """Closes itself unless a request comes soon, and answers what is not HTTP with an HTTP/1.1 error.

    Clients try TLS first on any port, and go on in plain HTTP when they are answered by a status line.
    """

    def __init__(self, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._deadline = asyncio.get_running_loop().call_later(FIRST_REQUEST_SECONDS, self.force_close)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop waiting."""
        self.request_came()
        self._forget_stall()
        super().connection_lost(exc)

    def request_came(self) -> None:
        """Stop waiting."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def pause_writing(self) -> None:
        """Begin to wait for a client that takes less than it is sent."""
        super().pause_writing()
        if self.transport is not None:
            self._watch(self.transport, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Stop waiting."""
        self._forget_stall()
        super().resume_writing()

    def _watch(self, transport: asyncio.Transport, left: int) -> None:
        """Cut a client off that takes nothing of what is ``left`` for ``STALL_SECONDS``: to close waits for it, too."""

        def look() -> None:
            if transport.get_write_buffer_size() < left:
                self._watch(transport, transport.get_write_buffer_size())
            else:
                transport.abort()

        self._stall = asyncio.get_running_loop().call_later(limits.STALL_SECONDS, look)

    def _forget_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's own name
        """Let a request under way end within so many seconds, then cut it off, and so does a cancel.

        aiohttp would wait as long again, and not for what is cut off, which still uses the store.
        """
        handler = self._task_handler
        ending = asyncio.create_task(super().shutdown(None))
        try:
            await asyncio.wait({ending}, timeout=timeout)
        finally:
            ending.cancel()
            self.force_close()
            if handler is not None and not handler.done():
                handler.cancel()
                await asyncio.wait({handler})

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no request at all; the connection is closed after it."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("a request from %s failed", request.remote, exc_info=exc)
        response = error_body(HTTPStatus(status), [("UNSUPPORTED", _first_line(message), {})])
        response.force_close()
        return response


class ConnectionFactory(web.Server):
    """Makes a ``Connection`` for each client; ``handler`` answers each request."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(
            handler,
            request_factory=self._request,
            keepalive_timeout=KEEPALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            read_bufsize=READ_BUFFER,
            # A layer's bytes are what was sent, whatever Content-Encoding says of them.
            auto_decompress=False,
            access_log=None,
        )

    def __call__(self) -> Connection:
        """Return a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's own name
        """End every connection as ``Connection.shutdown`` does; even where that is cancelled, none is left then."""
        endings = [asyncio.create_task(connection.shutdown(timeout)) for connection in self.connections]
        await asyncio.gather(*endings, return_exceptions=True)
        for ending in endings:
            ending.result()

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        if isinstance(protocol, Connection):
            protocol.request_came()
        if message.method == "UNKNOWN":
            # The stand-in for what could not be parsed says HTTP/1.0.
            message = message._replace(version=HttpVersion11)
        return web.BaseRequest(message, payload, protocol, writer, task, self._loop)


def _first_line(message: str | None) -> str:
    return (message or "").partition("\n")[0][:200]
