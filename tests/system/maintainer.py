"""A process that does all maintenance at once, while it uploads, and says of each blob when it was told of it."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING

from lamella.maintenance.async_pace import AsyncPace
from lamella.maintenance.collector import Collector
from lamella.maintenance.compact import compact
from lamella.maintenance.garbage_lock import GarbageLock
from lamella.maintenance.lock import maintenance_lock
from lamella.maintenance.pace import Pace
from lamella.maintenance.policy import Policy
from lamella.maintenance.repack import repack
from lamella.maintenance.scrub import Scrub
from lamella.model import Digest
from lamella.store import LocalStore
from tests.suites.blob_store import put
from tests.system.uploader import DELETING, STORED
from tests.unit.maintenance.farm import read_action
from tests.unit.store.layers import layer

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

DAMAGED = b"!"
"""Followed by a digest: a scrub has found damage, which there is none of."""

_LAYERS = [layer(release, files=12) for release in range(6)]
"""Made once, in the process that all others are forked from."""


def maintain_until_killed(folder: Path, seed: int, pipe: Connection) -> None:
    """Send ``STORED`` and a digest after each commit, ``DELETING`` and a digest before each deletion; never return."""
    asyncio.run(_run(folder, random.Random(seed), pipe))


async def _run(folder: Path, chance: random.Random, pipe: Connection) -> None:
    async with LocalStore(folder) as store:
        await asyncio.gather(
            _upload(store, chance, pipe), _collect(store), asyncio.to_thread(_maintain, store, folder, pipe)
        )


async def _upload(store: LocalStore, chance: random.Random, pipe: Connection) -> None:
    """Store layers and small blobs, and delete half of them, so that packs hold much that is not used."""
    while True:
        batch = [os.urandom(chance.randrange(4100, 40_000)) for _ in range(4)]
        small = {Digest.of(data): data for data in batch}
        assert await store.write_many(small) == {}
        digests = [*small, await put(store, chance.choice(_LAYERS) + os.urandom(chance.randrange(100)))]
        for digest in digests:
            pipe.send_bytes(STORED + digest.raw)
        for digest in chance.sample(digests, 3):
            pipe.send_bytes(DELETING + digest.raw)
            await store.delete(digest)


async def _collect(store: LocalStore) -> None:
    """Collect garbage, of which there is none but chunks' and packs', and write packs anew."""
    collector = Collector(store, read_action, store.chunks_of, AsyncPace(1))
    lock = GarbageLock(store.garbage_lock)
    while True:
        async with lock.held(lambda: None):
            await collector.collect(Policy())
            await repack(store, AsyncPace(1), excess=1 << 40)
        await asyncio.sleep(0)


def _maintain(store: LocalStore, folder: Path, pipe: Connection) -> None:
    while True:
        with maintenance_lock(folder, lambda: True):
            compact(store, 0, Pace(1))
            for record in store.blobs.page(None, 50):
                store.warmer.warm(record.digest)
            scrub = Scrub(store)
            scrub.run()
            for finding in scrub.report.findings:
                digest = finding.damage.digest
                pipe.send_bytes(DAMAGED + (bytes(32) if digest is None else digest.raw))
            store.leftovers.remove()
