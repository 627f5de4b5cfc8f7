"""Images that are on the server, by the digest of their manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.client.errors import Missing
from lamella.errors import Invalid
from lamella.layers import media_types
from lamella.layers.image import MAX_DOCUMENT, Image, assemble, parse_document, parse_manifest
from lamella.model import Descriptor

if TYPE_CHECKING:
    from lamella.client.asynchronous import AsyncClient
    from lamella.model import Digest


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
    if size > MAX_DOCUMENT:
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
