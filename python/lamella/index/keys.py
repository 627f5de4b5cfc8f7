"""Keys that begin with a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import Invalid
from lamella.index.table import MAX_KEY

if TYPE_CHECKING:
    from lamella.model import Digest


def scoped_key(scope: str, digest: Digest) -> bytes:
    """Return the scope, a zero byte and the digest: keys of one scope are neighbours.

    Raises:
        Invalid: the scope holds a zero byte or is too long for a key.
    """
    key = scope.encode() + b"\0" + digest.raw
    if "\0" in scope or len(key) > MAX_KEY:
        raise Invalid("scope", f"{scope[:100]!r} holds a zero byte or more than {MAX_KEY - 33} bytes")
    return key


def tag_key(repository: str, tag: str) -> bytes:
    """Return the repository, a zero byte and the tag: keys of one repository are neighbours."""
    return f"{repository}\0{tag}".encode()
