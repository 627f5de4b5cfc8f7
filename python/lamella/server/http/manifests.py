"""``/v2/<name>/manifests/<reference>`` (end-3, end-7, end-9)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from lamella.index import Counters, ManifestRecord
from lamella.registry.errors import ManifestUnknown, RepositoryUnknown, TagInvalid
from lamella.registry.lookups import is_lookup
from lamella.registry.manifest import MAX_MANIFEST
from lamella.registry.names import Reference, Tag, parse_reference
from lamella.server.http.body import read_body
from lamella.server.http.etags import has_already

if TYPE_CHECKING:
    from lamella.model import BlobName
    from lamella.server.http.call import Call, Methods


async def _head(call: Call) -> web.Response:
    reference = _reference(call)
    record = await _resolve(call, reference)
    headers = _headers(record, reference)
    if has_already(call.request.headers, headers["ETag"]):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(headers={**headers, "Content-Length": str(record.size)})


async def _get(call: Call) -> web.Response:
    reference = _reference(call)
    try:
        record = await _resolve(call, reference)
        headers = _headers(record, reference)
        if has_already(call.request.headers, headers["ETag"]):
            answer = web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        else:
            body = await call.services.registry.manifests.read(call.repository, record)
            answer = web.Response(body=body, headers=headers)
    except (ManifestUnknown, RepositoryUnknown):
        _count(call, reference, None)
        raise
    _count(call, reference, record)
    return answer


async def _put(call: Call) -> web.Response:
    reference = parse_reference(call.argument)
    content_type = call.request.headers.get("Content-Type", "").partition(";")[0].strip()
    body = await read_body(call.request, "the size of a manifest", MAX_MANIFEST)
    record = await call.services.registry.manifests.put(call.repository, reference, body, content_type)
    name = _name(record, reference)
    headers = {"Location": f"/v2/{call.repository}/manifests/{name}", "Docker-Content-Digest": str(name)}
    if record.subject is not None:
        headers["OCI-Subject"] = str(record.subject)
    return web.Response(status=HTTPStatus.CREATED, headers=headers)


async def _delete(call: Call) -> web.Response:
    await call.services.registry.manifests.delete(call.repository, _reference(call))
    return web.Response(status=HTTPStatus.ACCEPTED)


async def _resolve(call: Call, reference: Reference) -> ManifestRecord:
    """Find a manifest, whatever types the client accepts: an old one had better fail to read it than build again."""
    return await call.services.registry.caches.resolve(call.repository, reference)


def _reference(call: Call) -> Reference:
    """Read the reference of a manifest that should be there: no manifest has a tag that is not valid."""
    try:
        return parse_reference(call.argument)
    except TagInvalid:
        raise ManifestUnknown(call.repository, call.argument) from None


def _count(call: Call, reference: Reference, record: ManifestRecord | None) -> None:
    if is_lookup(reference, record):
        hit = record is not None
        call.count(Counters(lookups=1, hits=int(hit), misses=int(not hit)))


def _name(record: ManifestRecord, reference: Reference) -> BlobName:
    """Return what clients are told that a manifest is called: what they called it, if that was a digest."""
    return record.digest if isinstance(reference, Tag) else reference


def _headers(record: ManifestRecord, reference: Reference) -> dict[str, str]:
    return {
        "Content-Type": record.media_type,
        "Docker-Content-Digest": str(_name(record, reference)),
        "ETag": f'"{record.digest}"',
    }


METHODS: Methods = {"HEAD": _head, "GET": _get, "PUT": _put, "DELETE": _delete}
