"""``/v2/<name>/blobs/uploads/`` and ``/v2/<name>/blobs/uploads/<session>`` (end-4, end-5, end-6, end-11, end-13)."""

from __future__ import annotations

import re
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from lamella.index import Counters
from lamella.registry.errors import ChunkRefused, DigestInvalid, LengthMismatch, NameInvalid
from lamella.registry.names import Repository, parse_digest
from lamella.registry.uploads import Chunk
from lamella.server.http.body import buffers
from lamella.server.http.direct_body import DirectBody

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from lamella.model import BlobName
    from lamella.server.http.call import Call, Methods

_CONTENT_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})\Z")


async def _begin(call: Call) -> web.Response:
    query = call.request.query
    if "digest" in query:
        digest = parse_digest(query["digest"])
        chunk = Chunk(_counted(call), length=call.request.content_length)
        await call.services.registry.uploads.whole(call.repository, chunk, digest)
        return _created(call, digest)
    if "mount" in query and (mounted := await _mount(call)) is not None:
        return _created(call, mounted)
    session = await call.services.registry.uploads.begin(call.repository)
    return _progress(call, session, 0, HTTPStatus.ACCEPTED)


async def _mount(call: Call) -> BlobName | None:
    """Mount the blob that the query names; None, and so an ordinary upload, where that cannot be."""
    query = call.request.query
    try:
        digest = parse_digest(query["mount"])
        source = Repository(query["from"]) if "from" in query else None
    except (DigestInvalid, NameInvalid):
        return None
    return digest if await call.services.registry.blobs.mount(call.repository, digest, source) else None


async def _status(call: Call) -> web.Response:
    size = call.services.registry.uploads.size(call.repository, call.argument)
    return _progress(call, call.argument, size, HTTPStatus.NO_CONTENT)


async def _append(call: Call) -> web.Response:
    with _chunk(call) as chunk:
        size = await call.services.registry.uploads.append(call.repository, call.argument, chunk)
    return _progress(call, call.argument, size, HTTPStatus.ACCEPTED)


async def _finish(call: Call) -> web.Response:
    digest = parse_digest(call.request.query.get("digest", ""))
    with _chunk(call) as chunk:
        await call.services.registry.uploads.finish(call.repository, call.argument, chunk, digest)
    return _created(call, digest)


async def _cancel(call: Call) -> web.Response:
    await call.services.registry.uploads.cancel(call.repository, call.argument)
    return web.Response(status=HTTPStatus.NO_CONTENT)


@contextmanager
def _chunk(call: Call) -> Iterator[Chunk]:
    """Give a request's body and where it belongs, until the upload is left.

    Raises:
        ChunkRefused: the Content-Range is malformed.
        LengthMismatch: it says another length than the Content-Length.
    """
    start, length = _span(call)
    if not DirectBody.suits(call.request):
        yield Chunk(_counted(call), start, length)
        return
    with DirectBody(call.request, call.request.content_length or 0) as connection:
        try:
            yield Chunk(_counted(call), start, length, connection)
        finally:
            call.count(Counters(bytes_in=connection.count))


def _span(call: Call) -> tuple[int | None, int | None]:
    """Return where a chunk starts and how many bytes it has, where that is said."""
    length = call.request.content_length
    content_range = call.request.headers.get("Content-Range")
    if content_range is None:
        return None, length
    found = _CONTENT_RANGE.match(content_range)
    if found is None or int(found[2]) < int(found[1]):
        size = call.services.registry.uploads.size(call.repository, call.argument)
        raise ChunkRefused(call.argument, size, f"{content_range[:50]!r} is no range of bytes")
    start, spanned = int(found[1]), int(found[2]) - int(found[1]) + 1
    if length is not None and length != spanned:
        raise LengthMismatch(spanned, length)
    return start, spanned


async def _counted(call: Call) -> AsyncIterator[bytes]:
    received = 0
    try:
        async for buffer in buffers(call.request):
            received += len(buffer)
            yield buffer
    finally:
        call.count(Counters(bytes_in=received))


def upload_headers(repository: str, session: str, size: int) -> dict[str, str]:
    """Return the headers that tell a client how far an upload is; the range of none and of one byte look the same."""
    return {
        "Location": f"/v2/{repository}/blobs/uploads/{session}",
        "Range": f"0-{max(size - 1, 0)}",
        "Docker-Upload-UUID": session,
    }


def _progress(call: Call, session: str, size: int, status: HTTPStatus) -> web.Response:
    return web.Response(status=status, headers=upload_headers(call.repository.name, session, size))


def _created(call: Call, digest: BlobName) -> web.Response:
    headers = {
        "Location": f"/v2/{call.repository}/blobs/{digest}",
        "Docker-Content-Digest": str(digest),
    }
    return web.Response(status=HTTPStatus.CREATED, headers=headers)


UPLOADS: Methods = {"POST": _begin}
UPLOAD: Methods = {"GET": _status, "PATCH": _append, "PUT": _finish, "DELETE": _cancel}
