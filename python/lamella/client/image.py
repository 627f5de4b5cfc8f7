"""Images that are on the server, by the digest of their manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lamella.client.download import download_start
from lamella.client.errors import Missing
from lamella.errors import Invalid
from lamella.layers import media_types
from lamella.layers.image import MAX_DOCUMENT, Image, assemble, parse_document, parse_manifest
from lamella.model import Descriptor
from lamella.wire.blob import BlobName

if TYPE_CHECKING:
    from lamella.client.asynchronous import AsyncClient
    from lamella.model import Digest


_START: Final = 64
"""Bytes of a blob that tell whether it may be a JSON object, so that a layer is not fetched to find out."""


async def blob_size(client: AsyncClient, digest: Digest) -> int:
    """Return a blob's size in bytes.

    Raises:
        Missing: the server does not have it.
    """
    sizes = await client.sizes([digest])
    if digest not in sizes:
        raise Missing(client.address, f"blob {digest} is not on the server {client.address}")
    return sizes[digest]


async def find_image(client: AsyncClient, digest: Digest) -> Image | None:
    """Return the image whose manifest has this digest; None where the blob is no image manifest.

    Raises:
        Missing: the manifest or the configuration is not on the server.
        Invalid: the configuration is malformed.
    """
    size = await blob_size(client, digest)
    if size > MAX_DOCUMENT or not await _may_be_json(client, BlobName(digest, size)):
        return None
    data = await client.read(digest, size, MAX_DOCUMENT)
    where = f"blob {digest}"
    try:
        config, _ = parse_manifest(data, where)
        media_type = parse_document(data, where).get("mediaType", media_types.MANIFEST)
    except Invalid:
        return None
    if media_type not in media_types.MANIFESTS:
        return None
    config_bytes = await client.read(config.digest, config.size, MAX_DOCUMENT)
    return assemble(Descriptor(digest, size, media_type), data, config, config_bytes, where)


async def _may_be_json(client: AsyncClient, blob: BlobName) -> bool:
    start = (await download_start(client, blob, _START)).lstrip()
    return not start or start.startswith(b"{")
