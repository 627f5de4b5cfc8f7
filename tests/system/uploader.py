"""A process that uploads random blobs, and says of each when it was told that it is stored."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING

from lamella.index import INLINE_MAX
from lamella.model import Digest
from lamella.store import BUFFER_SIZE, LocalStore

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

TASKS = 8
STORED, DELETING = b"+", b"-"
_SIZES = ((1, INLINE_MAX), (INLINE_MAX + 1, 200_000), (BUFFER_SIZE, 3 * BUFFER_SIZE))


def upload_until_killed(folder: Path, seed: int, pipe: Connection) -> None:
    """Send ``STORED`` and a digest after each commit, ``DELETING`` and a digest before each deletion; never return."""
    asyncio.run(_run(folder, random.Random(seed), pipe))


async def _run(folder: Path, chance: random.Random, pipe: Connection) -> None:
    async with LocalStore(folder) as store:
        await asyncio.gather(*(_upload(store, chance, pipe) for _ in range(TASKS)))


async def _upload(store: LocalStore, chance: random.Random, pipe: Connection) -> None:
    while True:
        smallest, largest = chance.choices(_SIZES, (5, 4, 1))[0]
        data = os.urandom(chance.randint(smallest, largest))
        digest = await (_resumable(store, data) if chance.random() < 0.2 else _plain(store, data))
        pipe.send_bytes(STORED + digest.raw)
        if chance.random() < 0.1:
            pipe.send_bytes(DELETING + digest.raw)
            await store.delete(digest)


async def _plain(store: LocalStore, data: bytes) -> Digest:
    async with store.writer() as writer:
        for start in range(0, len(data), 100_000):
            await writer.write(data[start : start + 100_000])
        return await writer.commit()


async def _resumable(store: LocalStore, data: bytes) -> Digest:
    name = Digest.of(data).hex
    async with store.uploads.open(name) as upload:
        await upload.write(data[: len(data) // 2])
    async with store.uploads.open(name) as upload:
        await upload.write(data[upload.size :])
        return await upload.commit()
