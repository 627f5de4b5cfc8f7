"""Paths of the specification's endpoints ("API", "Endpoints"); repository names have slashes of their own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lamella.server.http.errors import PathUnknown


class Resource(Enum):
    """What a path is about."""

    BASE = "base"
    CATALOG = "catalog"
    BLOB = "blob"
    UPLOADS = "uploads"
    UPLOAD = "upload"
    MANIFEST = "manifest"
    TAGS = "tags"
    REFERRERS = "referrers"


@dataclass(frozen=True, slots=True)
class Route:
    """A path in its parts, none of them checked: the repository, and a digest, reference or session."""

    resource: Resource
    repository: str = ""
    argument: str = ""


_BASE = Route(Resource.BASE)
_CATALOG = Route(Resource.CATALOG)
_BY_KIND = {"manifests": Resource.MANIFEST, "blobs": Resource.BLOB, "referrers": Resource.REFERRERS}


def match(path: str) -> Route:
    """Tell what a path stands for, reading it from its end.

    Raises:
        PathUnknown: it is no endpoint's.
    """
    if path in ("/v2/", "/v2"):
        return _BASE
    if path == "/v2/_catalog":
        return _CATALOG
    if path.startswith("/v2/"):
        match path[len("/v2/") :].split("/"):
            case [*name, "blobs", "uploads"] | [*name, "blobs", "uploads", ""]:
                return Route(Resource.UPLOADS, "/".join(name))
            case [*name, "blobs", "uploads", session]:
                return Route(Resource.UPLOAD, "/".join(name), session)
            case [*name, "tags", "list"]:
                return Route(Resource.TAGS, "/".join(name))
            case [*name, kind, argument] if kind in _BY_KIND and argument:
                return Route(_BY_KIND[kind], "/".join(name), argument)
    raise PathUnknown(path)
