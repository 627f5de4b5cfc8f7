"""Whether a client has what it asks for already (RFC 9110, 13.1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def has_already(headers: Mapping[str, str], etag: str) -> bool:
    """Tell whether ``If-None-Match`` names an entity tag, which has no comma in it, or any at all.

    Weak tags count, since a cache on the way may have made them so.
    """
    names = [name.strip().removeprefix("W/") for name in headers.get("If-None-Match", "").split(",")]
    return etag in names or names == ["*"]
