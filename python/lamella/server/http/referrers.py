"""``/v2/<name>/referrers/<digest>`` (end-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamella.layers.media_types import INDEX
from lamella.model import Digest
from lamella.registry.errors import DigestInvalid
from lamella.registry.names import parse_digest
from lamella.server.http.answers import json_answer
from lamella.server.http.call import next_link

if TYPE_CHECKING:
    from aiohttp import web

    from lamella.registry.listing import Referrer
    from lamella.server.http.call import Call, Methods


async def _list(call: Call) -> web.Response:
    subject = parse_digest(call.argument)
    artifact_type = call.request.query.get("artifactType", "")
    after = _after(call)
    page = await call.services.registry.listing.referrers(call.repository, subject, artifact_type, after)
    headers: dict[str, str] = {}
    if page.last:
        path = f"/v2/{call.repository}/referrers/{subject}"
        headers = next_link(path, artifactType=artifact_type or None, last=page.last)
    if artifact_type:
        headers["OCI-Filters-Applied"] = "artifactType"
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [_descriptor(item) for item in page.items]}
    return json_answer(index, content_type=INDEX, headers=headers)


def _after(call: Call) -> Digest | None:
    """Return the digest that the page before ended with."""
    last = call.request.query.get("last")
    if last is None:
        return None
    name = parse_digest(last)
    if not isinstance(name, Digest):
        raise DigestInvalid(last, f"no page ends with {name}")
    return name


def _descriptor(referrer: Referrer) -> dict[str, Any]:
    record = referrer.record
    descriptor: dict[str, Any] = {
        "mediaType": record.media_type,
        "digest": str(record.digest),
        "size": record.size,
    }
    if referrer.artifact_type:
        descriptor["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        descriptor["annotations"] = referrer.annotations
    return descriptor


METHODS: Methods = {"GET": _list}
