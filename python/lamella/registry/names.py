"""Names of repositories and tags, and references to manifests (OCI Distribution Specification 1.1, "Pull")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from lamella.model import BlobName, Digest, Sha512
from lamella.registry.errors import DigestInvalid, NameInvalid, TagInvalid

_TENANT: Final = "default"
"""Of every repository in statistics."""

MAX_NAME: Final = 255
"""The longest repository name, in characters: what clients accept together with a host name."""

MAX_TAG: Final = 128
"""The longest tag, in characters."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_TAG = re.compile(rf"[a-zA-Z0-9_][a-zA-Z0-9._-]{{0,{MAX_TAG - 1}}}\Z")


@dataclass(frozen=True, slots=True, order=True)
class Repository:
    """A namespace of manifests and tags.

    Invariant: ``name`` has at most ``MAX_NAME`` characters and the form that the specification gives for ``<name>``.

    Raises:
        NameInvalid: it has not.
    """

    name: str

    def __post_init__(self) -> None:
        if len(self.name) > MAX_NAME or _NAME.match(self.name) is None:
            raise NameInvalid(self.name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class Tag:
    """A name for a manifest that can be moved to another.

    Invariant: ``name`` has the form that the specification gives for a tag.

    Raises:
        TagInvalid: it has not.
    """

    name: str

    def __post_init__(self) -> None:
        if _TAG.match(self.name) is None:
            raise TagInvalid(self.name)

    def __str__(self) -> str:
        return self.name


def project_of(repository: str) -> str:
    """Return the project that statistics name for a repository: ``default/cache/app`` for ``cache/app``."""
    return f"{_TENANT}/{repository}"


Reference: TypeAlias = Tag | BlobName
"""What a manifest is asked for by."""


def read_name(text: str) -> BlobName:
    """Read a digest of either algorithm.

    Raises:
        ValueError: the text is none.
    """
    return Sha512.parse(text) if text.startswith("sha512:") else Digest.parse(text)


def parse_digest(text: str) -> BlobName:
    """Read a digest.

    Raises:
        DigestInvalid: the text is none, or of another algorithm than SHA-256 and SHA-512.
    """
    try:
        return read_name(text)
    except ValueError as error:
        raise DigestInvalid(text, str(error)) from None


def parse_reference(text: str) -> Reference:
    """Read a digest or a tag; only digests have a colon.

    Raises:
        DigestInvalid, TagInvalid: the text is neither.
    """
    return parse_digest(text) if ":" in text else Tag(text)
