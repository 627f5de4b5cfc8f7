"""Who calls: the names that statistics are kept by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web

BUILDER_HEADER: Final = "Lamella-Builder"
BUILDER_QUERY: Final = "lamella-builder"

MAX_BUILDER: Final = 128
"""The longest name of a builder, in characters; what is longer is cut."""

CLIENTS: Final = {
    "buildkit": "buildkit",
    "kaniko": "kaniko",
    "buildah": "buildah",
    "libpod": "podman",
    "skopeo": "skopeo",
    "cri-o": "cri-o",
    "containerd": "containerd",
    "docker": "docker",
    "crane": "crane",
    "go-containerregistry": "go-containerregistry",
    "oras": "oras",
    "regclient": "regclient",
}
"""What a User-Agent holds, and the kind of client that says so; the first that occurs counts, all else is ``OTHER``."""

OTHER: Final = "other"

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Caller:
    """The builder that calls, and the kind of client it calls with."""

    builder: str
    client: str


def caller(request: web.BaseRequest) -> Caller:
    """Tell who calls.

    The builder is the header ``Lamella-Builder``, else the query parameter ``lamella-builder``, else the kind of client
    and its address. A name never makes a request fail: what cannot be kept of it is replaced or cut.
    """
    agent = request.headers.get("User-Agent", "").lower()
    client = next((kind for mark, kind in CLIENTS.items() if mark in agent), OTHER)
    named = request.headers.get(BUILDER_HEADER) or request.query.get(BUILDER_QUERY)
    builder = named or f"{client}@{request.remote or 'unknown'}"
    return Caller(_UNPRINTABLE.sub("?", builder)[:MAX_BUILDER], client)
