"""The resource names of ByteStream (REAPI v2, ``ContentAddressableStorage``).

Read:  ``[instance/]blobs/{hash}/{size}`` and ``[instance/]compressed-blobs/zstd/{hash}/{size}``.
Write: ``[instance/]uploads/{uuid}/`` before either, and any further segments after it, which are ignored.
Hash and size are always those of the uncompressed blob.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lamella.errors import Invalid
from lamella.wire.blob import BlobName, parse_hash

MAX_NAME = 2048
"""The longest resource name, in characters."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,17})\Z")
_FIELD = "resource_name"


@dataclass(frozen=True, slots=True)
class Resource:
    """A blob to read: where, which, and whether its bytes travel as one zstd stream (RFC 8878)."""

    blob: BlobName
    instance: str = ""
    zstd: bool = False

    @property
    def path(self) -> str:
        """The name without the instance."""
        kind = "compressed-blobs/zstd" if self.zstd else "blobs"
        return f"{kind}/{self.blob.digest.hex}/{self.blob.size}"

    def __str__(self) -> str:
        return f"{self.instance}/{self.path}" if self.instance else self.path


@dataclass(frozen=True, slots=True)
class Upload:
    """A blob to write; ``uuid`` tells one client's upload from another's, in lower case."""

    resource: Resource
    uuid: str

    def __str__(self) -> str:
        path = f"uploads/{self.uuid}/{self.resource.path}"
        return f"{self.resource.instance}/{path}" if self.resource.instance else path


def parse_resource(name: str) -> Resource:
    """Read the name of a blob to read.

    Raises:
        Invalid: the name is of another form, or names a compressor other than zstd.
    """
    segments = _segments(name)
    start = _find(segments, ("blobs", "compressed-blobs"), name)
    resource, rest = _resource(segments[start:], "/".join(segments[:start]), name)
    if rest:
        raise Invalid(_FIELD, f"{name!r} goes on after the size")
    return resource


def parse_upload(name: str) -> Upload:
    """Read the name of a blob to write.

    Raises:
        Invalid: the name is of another form, or names a compressor other than zstd.
    """
    segments = _segments(name)
    start = _find(segments, ("uploads",), name)
    instance, rest = "/".join(segments[:start]), segments[start + 1 :]
    if len(rest) < 2 or _UUID.match(rest[0]) is None or rest[1] not in ("blobs", "compressed-blobs"):
        raise Invalid(_FIELD, f"{name!r} is not [instance/]uploads/{{uuid}}/blobs/{{hash}}/{{size}}")
    resource, _ = _resource(rest[1:], instance, name)
    return Upload(resource, rest[0].lower())


def _segments(name: str) -> list[str]:
    if len(name) > MAX_NAME:
        raise Invalid(_FIELD, f"has {len(name)} characters, more than {MAX_NAME}")
    return name.split("/")


def _find(segments: list[str], keywords: tuple[str, ...], name: str) -> int:
    """Return where the first keyword is: no segment of an instance name may equal one."""
    for index, segment in enumerate(segments):
        if segment in keywords:
            return index
    raise Invalid(_FIELD, f"{name!r} has no segment {' or '.join(keywords)}")


def _resource(segments: list[str], instance: str, name: str) -> tuple[Resource, list[str]]:
    zstd = segments[0] == "compressed-blobs"
    if zstd and segments[1:2] != ["zstd"]:
        raise Invalid(_FIELD, f"{name!r} names a compressor other than zstd")
    named = segments[2:] if zstd else segments[1:]
    if len(named) < 2 or _SIZE.match(named[1]) is None:
        raise Invalid(_FIELD, f"{name!r} has no hash and size after {'/'.join(segments[: 2 if zstd else 1])}")
    return Resource(BlobName(parse_hash(named[0], _FIELD), int(named[1])), instance, zstd), named[2:]
