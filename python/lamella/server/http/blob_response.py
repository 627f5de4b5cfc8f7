"""Sending a blob, whole or in part."""

from __future__ import annotations

import os
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import web

from lamella.index import Counters
from lamella.server.http.answers import API_VERSION
from lamella.server.http.etags import has_already
from lamella.server.http.limits import WRITE_SIZE
from lamella.server.http.ranges import requested_range
from lamella.server.http.send_file import send_file

if TYPE_CHECKING:
    from lamella.model import BlobName
    from lamella.server.http.call import Call
    from lamella.store.protocol import BlobInfo

CACHE_SECONDS: Final = 365 * 24 * 3600
"""How long caches may keep a blob: what a digest names never changes."""


async def send_blob(call: Call, blob: BlobInfo, name: BlobName) -> web.StreamResponse:
    """Answer HEAD or GET of a blob, which was asked for by ``name``.

    Raises:
        RangeNotSatisfiable: the request's range does not begin within the blob.
        NotFound: the blob is gone since it was described.
        ConnectionError: the client is gone.
    """
    request = call.request
    etag = f'"{blob.digest}"'
    headers = {
        **API_VERSION,
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": str(name),
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"max-age={CACHE_SECONDS}, immutable",
    }
    if has_already(request.headers, etag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    asked = requested_range(request.headers, etag, blob.size) if request.method == "GET" else None
    span = range(blob.size) if asked is None else asked
    response = web.StreamResponse(headers=headers)
    response.content_length = len(span)
    if asked is not None:
        response.set_status(HTTPStatus.PARTIAL_CONTENT)
        response.headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{blob.size}"
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    await _send(call, response, blob, span)
    return response


async def _send(call: Call, response: web.StreamResponse, blob: BlobInfo, span: range) -> None:
    """Send a span of a blob: from its file in the kernel where it has one, otherwise through this process."""
    descriptor = await call.services.files.descriptor(blob.digest)
    if descriptor is None:
        await _send_buffers(call, response, blob, span)
        return
    try:
        await response.prepare(call.request)
    except BaseException:
        os.close(descriptor)
        raise
    left = len(span)
    async with aclosing(send_file(call.request, descriptor, span)) as pieces:
        async for sent in pieces:
            call.count(Counters(bytes_out=sent))
            left -= sent
    if left:
        raise ConnectionResetError(f"the file of {blob.digest} lacks {left} bytes")
    await response.write_eof()


async def _send_buffers(call: Call, response: web.StreamResponse, blob: BlobInfo, span: range) -> None:
    async with aclosing(call.services.store.open(blob.digest, span.start, len(span))) as buffers:
        async for buffer in buffers:
            # Not before the first: what the store raises can then still be answered.
            await response.prepare(call.request)
            view = memoryview(buffer)
            for begin in range(0, view.nbytes, WRITE_SIZE):
                await response.write(view[begin : begin + WRITE_SIZE])
            call.count(Counters(bytes_out=view.nbytes))
    await response.prepare(call.request)
    await response.write_eof()
