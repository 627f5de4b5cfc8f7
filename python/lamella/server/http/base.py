"""``/v2/`` and ``/v2/_catalog``: what is not about one repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.registry.names import Repository
from lamella.server.http.answers import json_answer
from lamella.server.http.call import next_link, page_size

if TYPE_CHECKING:
    from aiohttp import web

    from lamella.server.http.call import Services


def check_version() -> web.Response:
    """Say that this is a registry (end-1)."""
    return json_answer({})


def list_repositories(request: web.BaseRequest, services: Services) -> web.Response:
    """List the repositories that have a manifest (Docker Registry HTTP API V2, "Catalog")."""
    n = page_size(request)
    last = request.query.get("last", "")
    if last:
        Repository(last)
    page = services.registry.listing.repositories(last, n)
    headers = next_link("/v2/_catalog", n=n, last=page.last) if page.last else None
    return json_answer({"repositories": page.items}, headers=headers)
