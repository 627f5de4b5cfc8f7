"""Answers whose body is JSON."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
"""The header of every answer by which Docker's clients know a registry."""


def json_answer(
    value: Any,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return an answer of exactly this content type: it has no parameters, since the specification gives it none."""
    return web.Response(
        status=status, body=msgspec.json.encode(value), headers={"Content-Type": content_type, **(headers or {})}
    )
