"""The OCI door: takes connections, finds who answers a request, and turns errors into answers."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import web

from lamella.errors import LamellaError, ReadOnly, UploadBusy
from lamella.registry.errors import ChunkRefused
from lamella.server.http import base, blobs, manifests, referrers, tags, uploads
from lamella.server.http.answers import API_VERSION
from lamella.server.http.call import Call
from lamella.server.http.caller import caller
from lamella.server.http.connection import ConnectionFactory
from lamella.server.http.direct_body import TAKEN
from lamella.server.http.errors import BodyTimeout, MethodNotAllowed, RangeNotSatisfiable
from lamella.server.http.limits import BACKLOG
from lamella.server.http.routes import Resource, match
from lamella.server.http.status import error_body, error_response

if TYPE_CHECKING:
    import socket

    from lamella.server.http.call import Methods, Services

logger = logging.getLogger(__name__)

_METHODS: Final[dict[Resource, Methods]] = {
    Resource.BLOB: blobs.METHODS,
    Resource.UPLOADS: uploads.UPLOADS,
    Resource.UPLOAD: uploads.UPLOAD,
    Resource.MANIFEST: manifests.METHODS,
    Resource.TAGS: tags.METHODS,
    Resource.REFERRERS: referrers.METHODS,
}
_READS: Final = ("GET", "HEAD")
_RETRY_SECONDS: Final = "1"


class HttpDoor:
    """Serves the registry on a socket, on the running event loop; ``grace`` is in seconds."""

    def __init__(self, services: Services, grace: float) -> None:
        self._services = services
        self._grace = grace
        self._runner: web.ServerRunner | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to answer; ``listener`` is bound already, and is closed by ``stop``."""
        self._runner = web.ServerRunner(ConnectionFactory(self.handle), shutdown_timeout=self._grace)
        await self._runner.setup()
        await web.SockSite(self._runner, listener, backlog=BACKLOG).start()

    async def stop(self) -> None:
        """Take no more connections, and let requests under way end within the grace."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            response = await self._dispatch(request)
        except Exception as error:
            if request.writer.output_size > 0:
                raise ConnectionAbortedError("the answer was begun, and can only be cut off") from error
            response = _answer(request, error)
        if not response.prepared:
            response.headers.update(API_VERSION)
        if TAKEN in request:
            response.force_close()
        return response

    async def _dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        route = match(request.path)
        if route.resource in (Resource.BASE, Resource.CATALOG):
            if request.method not in _READS:
                raise MethodNotAllowed(request.method, _READS)
            if route.resource is Resource.BASE:
                return base.check_version()
            return base.list_repositories(request, self._services)
        call = Call(request, self._services, route, caller(request))
        methods = _METHODS[route.resource]
        handler = methods.get(request.method)
        if handler is None:
            raise MethodNotAllowed(request.method, methods)
        return await handler(call)


def _answer(request: web.BaseRequest, error: Exception) -> web.Response:
    match error:
        case LamellaError():
            return _refuse(request, error)
        case ConnectionError() | web.RequestPayloadError():
            # Nobody may be left to read this; if there is, the body was not what its headers said.
            response = error_body(HTTPStatus.BAD_REQUEST, [("BLOB_UPLOAD_INVALID", "the body broke off", {})])
            response.force_close()
            return response
        case _:
            logger.error("%s %s failed", request.method, request.path, exc_info=error)
            return error_body(HTTPStatus.INTERNAL_SERVER_ERROR, [("UNKNOWN", "see the server's log", {})])


def _refuse(request: web.BaseRequest, error: LamellaError) -> web.Response:
    headers: dict[str, str] = {}
    match error:
        case MethodNotAllowed():
            headers["Allow"] = ", ".join(error.allowed)
        case RangeNotSatisfiable():
            headers["Content-Range"] = f"bytes */{error.size}"
        case ChunkRefused():
            headers = uploads.upload_headers(match(request.path).repository, error.upload_id, error.size)
        case UploadBusy() | ReadOnly():
            headers["Retry-After"] = _RETRY_SECONDS
    response = error_response(error, headers)
    if isinstance(error, BodyTimeout):
        response.force_close()
    return response
