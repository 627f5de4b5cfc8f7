"""The media types of images that are read: those of OCI, and Docker's schema 2, which mean the same."""

from __future__ import annotations

from lamella.model import MEDIA_TYPE_LAYER, MEDIA_TYPE_LAYER_GZIP, MEDIA_TYPE_LAYER_ZSTD

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"

INDEXES = frozenset({INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"})
MANIFESTS = frozenset({MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"})
CONFIGS = frozenset({CONFIG, "application/vnd.docker.container.image.v1+json"})

LAYERS = {
    MEDIA_TYPE_LAYER: MEDIA_TYPE_LAYER,
    MEDIA_TYPE_LAYER_GZIP: MEDIA_TYPE_LAYER_GZIP,
    MEDIA_TYPE_LAYER_ZSTD: MEDIA_TYPE_LAYER_ZSTD,
    "application/vnd.docker.image.rootfs.diff.tar": MEDIA_TYPE_LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": MEDIA_TYPE_LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar.zstd": MEDIA_TYPE_LAYER_ZSTD,
}
"""Every media type of a layer that is read, and the OCI one that says the same."""

COMPRESSED_LAYERS = frozenset(media_type for media_type, known in LAYERS.items() if known != MEDIA_TYPE_LAYER)
"""The media types of gzip and zstd layers."""

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation that gives an image in a layout its tag."""
