"""What is known about a blob, and about a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamella.model.digest import Digest

MEDIA_TYPE_LAYER = "application/vnd.oci.image.layer.v1.tar"
MEDIA_TYPE_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
MEDIA_TYPE_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob's name, size in bytes and media type (OCI Image Specification 1.1, "Content Descriptors")."""

    digest: Digest
    size: int
    media_type: str

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"a blob cannot have {self.size} bytes")


@dataclass(frozen=True, slots=True)
class Layer:
    """A blob that is a tar stream, plain or compressed.

    ``descriptor.digest`` names the stored bytes, ``diff_id`` the uncompressed tar; they are equal for a plain tar.
    """

    descriptor: Descriptor
    diff_id: Digest
