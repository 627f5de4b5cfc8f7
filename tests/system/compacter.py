"""A process that uploads layers, whole or as recipes, which turn cold and hot, and says of each when it is stored."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from typing import TYPE_CHECKING

from lamella.errors import NotFound
from lamella.maintenance.compact import compact
from lamella.maintenance.pace import Pace
from lamella.model import Digest
from lamella.store import LocalStore
from tests.suites.blob_store import get, put
from tests.system.uploader import DELETING, STORED
from tests.unit.store.layers import layer
from tests.unit.store.recipes import put_as_recipe

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

_LAYERS = [layer(release, files=12) for release in range(6)]
"""Made once, in the process that all others are forked from."""


def compact_until_killed(folder: Path, seed: int, pipe: Connection) -> None:
    """Send ``STORED`` and a digest after each commit, ``DELETING`` and a digest before each deletion; never return."""
    asyncio.run(_run(folder, random.Random(seed), pipe))


async def _run(folder: Path, chance: random.Random, pipe: Connection) -> None:
    async with LocalStore(folder) as store:
        await asyncio.gather(
            _upload(store, chance, pipe),
            _push(store, chance, pipe, folder.parent),
            _upload_small(store, chance, pipe),
            _compact(store),
            _warm(store),
        )


async def _compact(store: LocalStore) -> None:
    while True:
        await asyncio.to_thread(compact, store, 0, Pace(1))
        await asyncio.to_thread(store.leftovers.remove)
        await asyncio.sleep(0)


async def _warm(store: LocalStore) -> None:
    """Make cold blobs hot again, while others turn cold: nobody holds the maintenance lock here."""
    while True:
        for record in store.blobs.page(None, 100):
            await asyncio.to_thread(store.warmer.warm, record.digest)
        await asyncio.sleep(0.01)


async def _upload(store: LocalStore, chance: random.Random, pipe: Connection) -> None:
    while True:
        data = chance.choice(_LAYERS) + os.urandom(chance.randrange(100))
        digest = await put(store, data)
        pipe.send_bytes(STORED + digest.raw)
        if chance.random() < 0.3:
            pipe.send_bytes(DELETING + digest.raw)
            with suppress(NotFound):
                assert await get(store, digest) == data
            await store.delete(digest)


async def _push(store: LocalStore, chance: random.Random, pipe: Connection, folder: Path) -> None:
    while True:
        data = chance.choice(_LAYERS) + os.urandom(chance.randrange(100))
        digest = await put_as_recipe(store, data, folder)
        pipe.send_bytes(STORED + digest.raw)
        await asyncio.sleep(0)


async def _upload_small(store: LocalStore, chance: random.Random, pipe: Connection) -> None:
    while True:
        batch = [os.urandom(chance.randrange(1, 40_000)) for _ in range(8)]
        blobs = {Digest.of(data): data for data in batch}
        assert await store.write_many(blobs) == {}
        for digest in blobs:
            pipe.send_bytes(STORED + digest.raw)
        await asyncio.sleep(0.02)
