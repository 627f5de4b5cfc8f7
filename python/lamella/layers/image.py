"""An image: its manifest, its configuration and its layers, as JSON objects with the fields checked that matter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lamella.errors import Invalid
from lamella.layers import media_types
from lamella.model import Descriptor, Digest, Layer, Platform

MAX_DOCUMENT = 4 << 20
"""The largest index, manifest or configuration that is read, in bytes (what registries commonly allow)."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """One image for one platform.

    ``manifest`` and ``config`` describe the documents whose bytes are ``manifest_bytes`` and ``config_bytes``;
    ``configuration`` is the latter, read. ``layers`` are lowest first, with OCI media types.
    """

    manifest: Descriptor
    manifest_bytes: bytes
    config: Descriptor
    config_bytes: bytes
    configuration: Json
    layers: tuple[Layer, ...]

    @property
    def platform(self) -> Platform:
        """What the configuration says the image runs on."""
        return _platform(self.configuration)


def parse_document(data: bytes, where: str) -> Json:
    """Read a JSON object.

    Raises:
        Invalid: it is none; the message starts with ``where``.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Invalid(where, f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Invalid(where, "not a JSON object")
    return document


def parse_descriptor(value: object, where: str) -> Descriptor:
    """Read a content descriptor; ``where`` names the document and field in errors.

    Raises:
        Invalid: a field is missing or of the wrong type.
    """
    if not isinstance(value, dict):
        raise Invalid(where, "not a content descriptor")
    media_type, digest, size = (value.get(name) for name in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str) or not isinstance(digest, str):
        raise Invalid(where, "mediaType and digest must be text")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Invalid(f"{where}.size", f"{size!r} is not a number of bytes")
    try:
        return Descriptor(Digest.parse(digest), size, media_type)
    except ValueError as error:
        raise Invalid(f"{where}.digest", str(error)) from None


def descriptor_json(descriptor: Descriptor, **more: object) -> Json:
    """Return a content descriptor as the JSON object that documents hold."""
    return {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
        **more,
    }


def parse_manifest(data: bytes, where: str) -> tuple[Descriptor, tuple[Descriptor, ...]]:
    """Return the descriptors of an image manifest's configuration and layers, lowest layer first.

    Raises:
        Invalid: the manifest is not that of an image, or has a layer of a kind that is not known.
    """
    document = parse_document(data, where)
    config = parse_descriptor(document.get("config"), f"{where}: config")
    if config.media_type not in media_types.CONFIGS:
        raise Invalid(f"{where}: config.mediaType", f"{config.media_type!r} is not that of an image")
    values = document.get("layers")
    if not isinstance(values, list):
        raise Invalid(f"{where}: layers", "missing")
    layers = tuple(parse_descriptor(value, f"{where}: layers[{number}]") for number, value in enumerate(values))
    for number, layer in enumerate(layers):
        if layer.media_type not in media_types.LAYERS:
            raise Invalid(f"{where}: layers[{number}].mediaType", f"{layer.media_type!r} is not a layer we can read")
    return config, layers


def parse_configuration(data: bytes, where: str) -> tuple[Json, tuple[Digest, ...]]:
    """Return an image configuration and its diff_ids.

    Raises:
        Invalid: the platform or ``rootfs.diff_ids`` is missing or malformed, or another field of the wrong type.
    """
    document = parse_document(data, where)
    for name in ("os", "architecture"):
        if not document.get(name):
            raise Invalid(f"{where}: {name}", "missing")
    for name, kind in (("os", str), ("architecture", str), ("variant", str), ("author", str), ("config", dict)):
        if not isinstance(document.get(name) or kind(), kind):
            raise Invalid(f"{where}: {name}", f"not {'text' if kind is str else 'an object'}")
    try:
        _platform(document)
    except ValueError as error:
        raise Invalid(f"{where}: os", str(error)) from None
    rootfs = document.get("rootfs")
    values = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(values, list):
        raise Invalid(f"{where}: rootfs.diff_ids", "missing")
    try:
        return document, tuple(Digest.parse(str(value)) for value in values)
    except ValueError as error:
        raise Invalid(f"{where}: rootfs.diff_ids", str(error)) from None


def assemble(manifest: Descriptor, manifest_bytes: bytes, config: Descriptor, config_bytes: bytes, where: str) -> Image:
    """Put an image together from its two documents, whose digests the caller has checked.

    Raises:
        Invalid: a document is malformed, or the two disagree about the number of layers.
    """
    _, descriptors = parse_manifest(manifest_bytes, where)
    configuration, diff_ids = parse_configuration(config_bytes, f"{where}: config {config.digest}")
    if len(descriptors) != len(diff_ids):
        raise Invalid(f"{where}: rootfs.diff_ids", f"{len(diff_ids)} for the {len(descriptors)} layers of the manifest")
    layers = tuple(
        Layer(Descriptor(layer.digest, layer.size, media_types.LAYERS[layer.media_type]), diff_id)
        for layer, diff_id in zip(descriptors, diff_ids, strict=True)
    )
    return Image(manifest, manifest_bytes, config, config_bytes, configuration, layers)


def _platform(configuration: Json) -> Platform:
    return Platform(configuration["os"], configuration["architecture"], configuration.get("variant") or "")
