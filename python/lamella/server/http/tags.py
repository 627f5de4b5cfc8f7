"""``/v2/<name>/tags/list`` (end-8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.registry.names import Tag
from lamella.server.http.answers import json_answer
from lamella.server.http.call import next_link, page_size

if TYPE_CHECKING:
    from aiohttp import web

    from lamella.server.http.call import Call, Methods


async def _list(call: Call) -> web.Response:
    n = page_size(call.request)
    last = call.request.query.get("last", "")
    if last:
        Tag(last)
    page = call.services.registry.listing.tags(call.repository, last, n)
    headers = next_link(f"/v2/{call.repository}/tags/list", n=n, last=page.last) if page.last else None
    return json_answer({"name": call.repository.name, "tags": page.items}, headers=headers)


METHODS: Methods = {"GET": _list}
