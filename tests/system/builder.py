"""A process that does what a busy server with little room does: everything is garbage as soon as nobody needs it."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from lamella.errors import MissingChunks, NotFound
from lamella.index import UnitKind
from lamella.maintenance.async_pace import AsyncPace
from lamella.maintenance.collector import Collector
from lamella.maintenance.compact import compact
from lamella.maintenance.garbage_lock import GarbageLock
from lamella.maintenance.lock import maintenance_lock
from lamella.maintenance.pace import Pace
from lamella.maintenance.policy import Policy
from lamella.maintenance.tables import Tables
from lamella.model import Digest
from lamella.registry.errors import ManifestBlobsUnknown
from lamella.registry.manifest import read_manifest
from lamella.store.small_blobs import read_blob
from lamella.store.uncounted import UncountedStore
from tests.suites.blob_store import put
from tests.system.uploader import DELETING, STORED
from tests.unit.maintenance.farm import SCOPE, Farm, read_action
from tests.unit.store.layers import layer
from tests.unit.store.recipes import put_as_recipe
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from multiprocessing.connection import Connection
    from pathlib import Path

    from lamella.index import UnitRow
    from lamella.store import LocalStore

HASTE: Final = 100
"""How many seconds go by in one: a collection spares what was used within the last one or two."""

LIMIT: Final = 1 << 30
"""Bytes that the store may take: never reached, but looked at by whoever takes room."""

BUDGET: Final = 1 << 20
"""Bytes that a collection leaves besides what is leased or in use."""

YEARS: Final = 1e9
"""Seconds of a lease: it outlives the test, even in haste."""

_TARS = [layer(release, files=12) for release in range(4)]
"""Made once, in the process that all others are forked from."""


def build_until_killed(folder: Path, seed: int, pipe: Connection) -> None:
    """Send ``STORED`` and a digest when a blob is leased, ``DELETING`` and a digest before that ends; never return."""
    asyncio.run(_run(_HastyFarm(folder, max_size=LIMIT), random.Random(seed), pipe))


async def dangling(store: LocalStore) -> list[str]:
    """Return what step results, action results and manifests name that the store does not have."""
    found: list[str] = []
    async for unit in _units(store):
        named = await _named(store, unit)
        found += [f"{unit.kind.name} {unit.name} names {digest}" for digest in await store.missing(named)]
    return found


class _HastyFarm(Farm):
    def clock(self) -> float:
        return time.time() * HASTE


async def _run(farm: Farm, chance: random.Random, pipe: Connection) -> None:
    async with farm.store:
        await asyncio.gather(
            _build(farm, chance, pipe), _build(farm, chance, pipe), _collect(farm), asyncio.to_thread(_maintain, farm)
        )


async def _build(farm: Farm, chance: random.Random, pipe: Connection) -> None:
    """Push layers in every way, let steps, actions and images name them, and lease some of those for a while."""
    while True:
        # Garbage is collected meanwhile: what is pushed may be gone before it is named, and is pushed again then.
        with suppress(NotFound, MissingChunks, ManifestBlobsUnknown):
            layer = await _push(farm, chance)
            if chance.random() < 0.5:
                await farm.step(f"{chance.getrandbits(64)}", layer)
            else:
                key = Digest.of(chance.randbytes(8))
                await farm.tables.actions.put(SCOPE, key, str(layer).encode(), [layer])
            await farm.image(f"app:{chance.randrange(8)}", layer)
            if chance.random() < 0.3:
                lease = await farm.store.leases.acquire("a test", [layer], YEARS)
                pipe.send_bytes(STORED + layer.raw)
                if chance.random() < 0.5:
                    pipe.send_bytes(DELETING + layer.raw)
                    await farm.store.leases.release(lease.id)


async def _push(farm: Farm, chance: random.Random) -> Digest:
    tar = chance.choice(_TARS) + os.urandom(chance.randrange(1, 100))
    way = chance.randrange(5)
    if way == 0:
        return await put(farm.store, tar)
    if way == 1:
        return await put_as_recipe(farm.store, tar, farm.folder.parent)
    if way == 2:
        return await put(farm.store, gzip.compress(tar, 1))
    source = await put(farm.store, compressed(tar, "go-1.26"))
    if not await asyncio.to_thread(farm.store.examiner.examine, source):
        raise NotFound(source)
    return source if way == 3 else Digest.of(tar)


async def _collect(farm: Farm) -> None:
    lock = GarbageLock(farm.store.garbage_lock)
    # In haste, a moment between two looks at clocks would pass for a clock that was set back.
    collector = Collector(farm.store, read_action, farm.store.chunks_of, AsyncPace(1), lambda: 0.0)
    while True:
        async with lock.held(lambda: None):
            await collector.collect(Policy(grace=0, budget=BUDGET))
        await asyncio.sleep(0)


def _maintain(farm: Farm) -> None:
    store = farm.store
    while True:
        with maintenance_lock(farm.folder, lambda: True):
            compact(store, 0, Pace(1))
            for record in store.blobs.page(None, 50):
                store.warmer.warm(record.digest)
            store.leftovers.remove()


async def _units(store: LocalStore) -> AsyncIterator[UnitRow]:
    units = Tables(store).units
    for kind in UnitKind:
        for unit in units.page(kind, None, 1_000_000):
            yield unit


async def _named(store: LocalStore, unit: UnitRow) -> set[Digest]:
    """Return what a unit needs to be of use, whether it is there or not."""
    tables = Tables(store)
    if unit.kind is UnitKind.STEP:
        layer = tables.steps.layer(unit.space, unit.digest)
        return set() if layer is None else {layer}
    if unit.kind is UnitKind.ACTION:
        return await read_action(store, tables.actions.get(unit.space, unit.digest) or b"")
    if unit.kind is UnitKind.TAG:
        with store.index.read() as txn:
            manifest = tables.tags.find(txn, unit.space, unit.name)
        assert manifest is not None
        assert tables.manifests.get(unit.space, manifest) is not None
        return {manifest}
    record = tables.manifests.get(unit.space, unit.digest)
    assert record is not None
    body = await read_blob(UncountedStore(store), record.digest)
    blobs = read_manifest(body, record.media_type, tables.sha512_names.find).references.blobs
    return {record.digest, *(blob.digest for blob in blobs)}
