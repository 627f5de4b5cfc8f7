"""Reads an OCI Image Layout folder (OCI Image Specification 1.1, "Image Layout")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella import _core
from lamella.errors import DigestMismatch, Invalid, LamellaError, LimitExceeded, SizeMismatch
from lamella.layers import media_types
from lamella.layers.image import (
    MAX_DOCUMENT,
    Image,
    Json,
    assemble,
    parse_descriptor,
    parse_document,
    parse_manifest,
)
from lamella.model import Descriptor, Digest, Platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYOUT_VERSION = "1.0.0"

MAX_NESTED_INDEXES = 4
"""How many indexes may be inside each other."""


class LayoutError(LamellaError):
    """A layout does not hold what is asked for; the message names the folder."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"{folder}: {reason}")
        self.folder = folder
        self.reason = reason


def parse_index(data: bytes, where: str) -> list[tuple[Descriptor, Json]]:
    """Return the entries of an image index, each with its descriptor.

    Raises:
        Invalid: it is malformed; the message starts with ``where``.
    """
    values = parse_document(data, where).get("manifests")
    if not isinstance(values, list):
        raise Invalid(f"{where}: manifests", "missing")
    return [(parse_descriptor(value, f"{where}: manifests[{n}]"), value) for n, value in enumerate(values)]


def tag_of(entry: Json) -> str:
    """Return the tag that an entry of a layout's index gives to its image; empty for none."""
    annotations = entry.get("annotations")
    return str(annotations.get(media_types.REF_NAME, "")) if isinstance(annotations, dict) else ""


def read_small(path: Path) -> bytes:
    """Return a document's bytes.

    Raises:
        LimitExceeded: the file has more than ``MAX_DOCUMENT`` bytes.
    """
    size = path.stat().st_size
    if size > MAX_DOCUMENT:
        raise LimitExceeded(f"{path} in bytes", MAX_DOCUMENT, size)
    return path.read_bytes()


class OciLayout:
    """A layout folder that exists.

    Raises:
        LayoutError: the folder is no layout, or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        marker = folder / "oci-layout"
        if not marker.is_file():
            raise LayoutError(folder, "not an OCI layout folder (it has no file 'oci-layout')")
        version = parse_document(read_small(marker), str(marker)).get("imageLayoutVersion")
        if version != LAYOUT_VERSION:
            raise LayoutError(folder, f"imageLayoutVersion is {version!r}, not {LAYOUT_VERSION!r}")

    def blob_path(self, digest: Digest) -> Path:
        """Where the layout keeps a blob, whether it is there or not."""
        return self.folder / "blobs" / "sha256" / digest.hex

    def image(self, reference: str, platform: Platform) -> Image:
        """Return the image that a tag or digest names, in an index the one for ``platform``.

        An empty reference means the layout's only image, or the one tagged ``latest``. The digests and sizes of
        index, manifest and configuration are checked; those of layers by ``layer_path``.

        Raises:
            LayoutError: there is no such image, or none for this platform; the message lists what there is.
            DigestMismatch, SizeMismatch: a document is not what its descriptor says.
            Invalid: a document is malformed; the message names it and the field.
        """
        manifest = self._select(list(self._candidates(reference)), reference, platform)
        manifest_bytes = self._read(manifest)
        config, _ = parse_manifest(manifest_bytes, self._where(manifest))
        return assemble(manifest, manifest_bytes, config, self._read(config), self._where(manifest))

    def layer_path(self, layer: Descriptor) -> Path:
        """Return the file of a layer, after its digest and size have been checked.

        Raises:
            LayoutError: it is not there.
            DigestMismatch, SizeMismatch: it is not what its descriptor says.
        """
        path = self.blob_path(layer.digest)
        if not path.is_file():
            raise LayoutError(self.folder, f"blob {layer.digest} is missing")
        digest, size = _core.hash_file(path)
        self._check(layer, Digest(digest), size)
        return path

    def _where(self, descriptor: Descriptor) -> str:
        return str(self.blob_path(descriptor.digest))

    def _candidates(self, reference: str) -> Iterator[tuple[Descriptor, Json]]:
        index = self.folder / "index.json"
        if not index.is_file():
            raise LayoutError(self.folder, "not an OCI layout folder (it has no file 'index.json')")
        entries = parse_index(read_small(index), str(index))
        names = [tag_of(value) for _, value in entries]
        if reference.startswith("sha256:"):
            chosen = [entry for entry in entries if str(entry[0].digest) == reference]
        elif reference or len(entries) != 1:
            tag = reference or "latest"
            chosen = [e for e, name in zip(entries, names, strict=True) if name == tag or name.endswith(f":{tag}")]
        else:
            chosen = entries
        if not chosen:
            known = ", ".join(name or str(entry[0].digest) for entry, name in zip(entries, names, strict=True))
            raise LayoutError(self.folder, f"no image {reference or 'latest'!r}; it has: {known or 'none'}")
        for descriptor, value in chosen:
            yield from self._expand(descriptor, value, MAX_NESTED_INDEXES)

    def _expand(self, descriptor: Descriptor, value: Json, depth: int) -> Iterator[tuple[Descriptor, Json]]:
        if descriptor.media_type not in media_types.INDEXES:
            yield descriptor, value
            return
        if depth == 0:
            raise LimitExceeded("indexes inside each other", MAX_NESTED_INDEXES, MAX_NESTED_INDEXES + 1)
        where = self._where(descriptor)
        for child, child_value in parse_index(self._read(descriptor), where):
            yield from self._expand(child, child_value, depth - 1)

    def _select(self, candidates: list[tuple[Descriptor, Json]], reference: str, platform: Platform) -> Descriptor:
        found: list[Platform] = []
        same_machine: list[tuple[str, Descriptor]] = []
        for descriptor, value in candidates:
            if descriptor.media_type not in media_types.MANIFESTS:
                continue
            told = value.get("platform")
            actual = self._platform_of(descriptor) if not isinstance(told, dict) else _platform(told)
            if actual == platform:
                return descriptor
            if actual is not None:
                found.append(actual)
                if not platform.variant and _same_machine(actual, platform):
                    same_machine.append((actual.variant, descriptor))
        if same_machine:  # the lowest variant is what every machine of the architecture can run
            return min(same_machine, key=lambda pair: pair[0])[1]
        known = ", ".join(map(str, found)) or "nothing"
        reason = f"image {reference or 'latest'!r} is not for {platform}; it is for: {known}"
        raise LayoutError(self.folder, reason)

    def _platform_of(self, manifest: Descriptor) -> Platform | None:
        config, _ = parse_manifest(self._read(manifest), self._where(manifest))
        return _platform(parse_document(self._read(config), self._where(config)))

    def _read(self, descriptor: Descriptor) -> bytes:
        path = self.blob_path(descriptor.digest)
        if not path.is_file():
            raise LayoutError(self.folder, f"blob {descriptor.digest} is missing")
        data = read_small(path)
        self._check(descriptor, Digest.of(data), len(data))
        return data

    @staticmethod
    def _check(expected: Descriptor, digest: Digest, size: int) -> None:
        if size != expected.size:
            raise SizeMismatch(expected.digest, expected.size, size)
        if digest != expected.digest:
            raise DigestMismatch(expected.digest, digest)


def _platform(value: Json) -> Platform | None:
    if value.get("os") == "unknown":
        return None  # an attestation, which is no image for any machine
    try:
        return Platform(str(value.get("os", "")), str(value.get("architecture", "")), str(value.get("variant") or ""))
    except ValueError:
        return None


def _same_machine(left: Platform, right: Platform) -> bool:
    return (left.os, left.architecture) == (right.os, right.architecture)
