"""Blobs that are small enough to be held in memory."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from lamella.model import Digest
    from lamella.store.protocol import BlobStore


async def read_blob(store: BlobStore, digest: Digest) -> bytes:
    """Return a blob's bytes; the caller knows that they are few.

    Raises:
        NotFound: the store does not have it.
    """
    async with aclosing(store.open(digest)) as buffers:
        return b"".join([bytes(buffer) async for buffer in buffers])


async def write_blob(store: BlobStore, digest: Digest, data: Buffer) -> None:
    """Store a blob, durable on return; raises as ``BlobWriter.commit``."""
    async with store.writer(digest) as writer:
        await writer.write(data)
        await writer.commit()
