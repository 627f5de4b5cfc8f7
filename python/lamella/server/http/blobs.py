"""``/v2/<name>/blobs/<digest>`` (end-2, end-10)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from lamella.registry.names import parse_digest
from lamella.server.http.blob_response import send_blob

if TYPE_CHECKING:
    from lamella.server.http.call import Call, Methods


async def _get(call: Call) -> web.StreamResponse:
    name = parse_digest(call.argument)
    return await send_blob(call, await call.services.registry.blobs.stat(call.repository, name), name)


async def _delete(call: Call) -> web.Response:
    await call.services.registry.blobs.delete(call.repository, parse_digest(call.argument))
    return web.Response(status=HTTPStatus.ACCEPTED)


METHODS: Methods = {"HEAD": _get, "GET": _get, "DELETE": _delete}
