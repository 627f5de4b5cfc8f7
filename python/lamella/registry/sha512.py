"""The SHA-512 of a blob that is in the store."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import aclosing
from typing import TYPE_CHECKING

from lamella.model import Sha512

if TYPE_CHECKING:
    from lamella.model import Digest
    from lamella.store.protocol import BlobStore


async def sha512_of(store: BlobStore, digest: Digest) -> Sha512:
    """Read a blob through, and hash it in threads.

    Raises:
        NotFound, Corrupted: see ``BlobStore.open``.
    """
    hasher = hashlib.sha512()
    async with aclosing(store.open(digest)) as buffers:
        async for buffer in buffers:
            await asyncio.to_thread(hasher.update, buffer)
    return Sha512(hasher.digest())
