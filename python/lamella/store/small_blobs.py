"""Blobs that are small enough to be held in memory: manifests and configs."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from lamella.model import Digest

if TYPE_CHECKING:
    from lamella.store.protocol import BlobStore


async def read_blob(store: BlobStore, digest: Digest) -> bytes:
    """Return a blob's bytes; the caller knows that they are few.

    Raises:
        NotFound: the store does not have it.
    """
    async with aclosing(store.open(digest)) as buffers:
        return b"".join([bytes(buffer) async for buffer in buffers])


async def write_blob(store: BlobStore, data: bytes) -> Digest:
    """Store a blob and return its digest; durable on return."""
    digest = Digest.of(data)
    async with store.writer(digest) as writer:
        await writer.write(data)
        await writer.commit()
    return digest
