"""Reading a manifest or an index: what it is, and what it needs (OCI Image Specification 1.1, Docker's schema 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import msgspec

from lamella.errors import LimitExceeded
from lamella.index import References
from lamella.layers.media_types import INDEX, INDEXES, MANIFEST, MANIFESTS
from lamella.model import Descriptor
from lamella.registry.digest_reader import DigestReader
from lamella.registry.errors import ManifestInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lamella.model import BlobName
    from lamella.registry.digest_reader import Find

MAX_MANIFEST: Final = 4 << 20
"""The largest manifest, in bytes: what the specification asks of registries at the least ("Pushing Manifests")."""

MAX_REFERENCES: Final = 10_000
"""The most descriptors in one manifest: each is looked up before the manifest is stored."""

MAX_DEPTH: Final = 100
"""How deep a manifest's arrays and objects may be nested. Those that the specification knows are 5 deep; a client that
reads them one in another must not run out of stack."""

BUILDKIT_CONFIG: Final = "application/vnd.buildkit.cacheconfig.v0"
"""The media type of a BuildKit cache's config, in a manifest as the config, in an index as one of the children."""

FOREIGN_LAYERS: Final = frozenset(
    {
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    }
)
"""Layers that clients fetch elsewhere, so that a registry need not have them."""


class _Descriptor(msgspec.Struct, rename="camel"):
    media_type: str
    digest: str
    size: int


class _Document(msgspec.Struct, rename="camel"):
    """The fields of manifests and indexes together; the absent and the null mean the same."""

    schema_version: int = 0
    media_type: str = ""
    artifact_type: str | None = None
    config: _Descriptor | None = None
    layers: list[_Descriptor] | None = None
    manifests: list[_Descriptor] | None = None
    subject: _Descriptor | None = None
    annotations: dict[str, str] | None = None


_decode = msgspec.json.Decoder(_Document).decode
_NO_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"|[^]["{}]++')
_TOO_DEEP: Final = f"is nested more than {MAX_DEPTH} deep"
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a registry knows of a manifest's bytes.

    ``artifact_type`` is what a list of referrers says: its own, else its config's media type, else empty. ``digests``
    knows what the manifest itself calls those in ``references``.
    """

    media_type: str
    artifact_type: str
    annotations: Mapping[str, str]
    subject: BlobName | None
    references: References
    buildkit_cache: bool
    digests: DigestReader


def read_manifest(body: bytes, content_type: str, find: Find) -> Manifest:
    """Read a manifest that was sent as ``content_type``, which has no parameters and may be empty.

    What it names by a SHA-512 that ``find`` does not know counts as something that nobody has. A key that comes twice
    counts as its last value, as it does for clients.

    Raises:
        ManifestInvalid: it is no manifest of a known type, contradicts itself, or holds a descriptor that is none.
        LimitExceeded: it is too large, or refers to too much.
    """
    if len(body) > MAX_MANIFEST:
        raise LimitExceeded("the size of a manifest", MAX_MANIFEST, len(body))
    try:
        document = _decode(body)
    except msgspec.DecodeError as error:
        raise ManifestInvalid("", str(error)) from None
    except RecursionError:
        # When that comes depends on how deep the caller is, but it is beyond the limit.
        raise ManifestInvalid("", _TOO_DEEP) from None
    if _is_too_deep(body):
        raise ManifestInvalid("", _TOO_DEEP)
    media_type = _media_type(document, content_type)
    read = _read_index if media_type in INDEXES else _read_image
    return read(document, media_type, DigestReader(find))


def _is_too_deep(body: bytes) -> bool:
    """Tell whether valid JSON is nested more than ``MAX_DEPTH`` deep."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    return max(accumulate(_STEPS[bracket] for bracket in _NO_BRACKET.sub(b"", body))) > MAX_DEPTH


def _media_type(document: _Document, content_type: str) -> str:
    declared = document.media_type
    if declared and content_type and declared != content_type:
        raise ManifestInvalid("mediaType", f"is {declared!r}, but was sent as {content_type!r}")
    media_type = declared or content_type or (INDEX if document.config is None else MANIFEST)
    if media_type not in INDEXES | MANIFESTS:
        raise ManifestInvalid("mediaType", f"{media_type!r} is no type of manifest")
    if document.schema_version != 2:
        raise ManifestInvalid("schemaVersion", f"is {document.schema_version}, but must be 2")
    return media_type


def _read_image(document: _Document, media_type: str, digests: DigestReader) -> Manifest:
    # Clients differ in which they would believe (CVE-2021-41190).
    if document.manifests is not None:
        raise ManifestInvalid("manifests", "does not belong in an image manifest")
    if document.config is None:
        raise ManifestInvalid("config", "is missing")
    config = _descriptor("config", document.config, digests)
    layers = _descriptors("layers", document.layers or (), digests)
    stored = (layer for layer in layers if layer.media_type not in FOREIGN_LAYERS)
    return Manifest(
        media_type,
        document.artifact_type or config.media_type,
        document.annotations or {},
        _subject(document),
        References(blobs=(config, *stored), unknown=digests.unknown),
        config.media_type == BUILDKIT_CONFIG,
        digests,
    )


def _read_index(document: _Document, media_type: str, digests: DigestReader) -> Manifest:
    for field in ("config", "layers"):
        if getattr(document, field) is not None:
            raise ManifestInvalid(field, "does not belong in an index")
    children = tuple(_descriptors("manifests", document.manifests or (), digests))
    manifests = tuple(child for child in children if child.media_type in INDEXES | MANIFESTS)
    # BuildKit's cache exporter lists layers and its config as children.
    blobs = tuple(child for child in children if child.media_type not in INDEXES | MANIFESTS)
    return Manifest(
        media_type,
        document.artifact_type or "",
        document.annotations or {},
        _subject(document),
        References(blobs, manifests, digests.unknown),
        any(child.media_type == BUILDKIT_CONFIG for child in blobs),
        digests,
    )


def _subject(document: _Document) -> BlobName | None:
    if document.subject is None:
        return None
    # Which need not be there: what matters is how it is named.
    named = DigestReader(lambda _: None)
    return named.name(_descriptor("subject", document.subject, named).digest)


def _descriptors(field: str, descriptors: Iterable[_Descriptor], digests: DigestReader) -> Iterator[Descriptor]:
    for position, descriptor in enumerate(descriptors):
        if position == MAX_REFERENCES:
            raise LimitExceeded(f"the number of {field}", MAX_REFERENCES, position + 1)
        yield _descriptor(f"{field}[{position}]", descriptor, digests)


def _descriptor(field: str, descriptor: _Descriptor, digests: DigestReader) -> Descriptor:
    try:
        return Descriptor(digests.read(descriptor.digest), descriptor.size, descriptor.media_type)
    except ValueError as error:
        raise ManifestInvalid(field, str(error)) from None
