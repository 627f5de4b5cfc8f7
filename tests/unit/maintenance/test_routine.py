from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from lamella.errors import StorageFull
from lamella.index import ProjectUsageTable
from lamella.maintenance.garbage_lock import GarbageLock
from lamella.maintenance.policy import GRACE, Policy
from lamella.maintenance.routine import Routine
from lamella.model import Digest
from lamella.store.limit import HIGH, LOW
from tests.unit.maintenance.farm import DAY, Farm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

MOST = 2_000_000
LARGE = 50_000


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path / "limited", max_size=MOST)
    yield farm
    farm.store.close()


def routine_of(farm: Farm, interval: float = DAY) -> tuple[Routine, GarbageLock]:
    lock = GarbageLock(farm.store.garbage_lock)
    return Routine(farm.store, farm.collector(), lock, Policy(), interval, counter=farm.counter()), lock


@asynccontextmanager
async def running(routine: Routine) -> AsyncIterator[None]:
    task = asyncio.create_task(routine.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_writer_that_never_stops_stays_within_the_limit(limited: Farm) -> None:
    limit = limited.store.limit
    assert limit is not None
    often = await limited.step("used often", await limited.blob(LARGE))
    seldom = await limited.step("used once", await limited.blob(LARGE + 1))
    most, written = 0, list[Digest]()
    async with running(routine_of(limited)[0]):
        for n in range(3 * MOST // LARGE):
            # What fits was written within the grace of loose blobs, but over more than uses may be late.
            limited.now += 100
            limited.tables.steps.note_use("default/app@main", often)
            written.append(await limited.blob(n.to_bytes(4, "big") * (LARGE // 4)))
            most = max(most, limit.stored)
    assert HIGH * MOST < most <= MOST
    assert limit.stored > LOW * MOST - 2 * LARGE
    assert limited.has_step(often)
    assert not limited.has_step(seldom)
    there = await limited.has(*written)
    assert there[-30:] == [True] * 30
    assert not any(there[:60])


async def test_where_a_rule_keeps_everything_the_writer_hears_of_the_limit(limited: Farm) -> None:
    await limited.store.leases.acquire("reader", [await limited.blob(MOST - 10)], GRACE)
    assert limited.store.limit is not None
    limited.store.limit._patience = 0.5
    limited.now += 10
    async with running(routine_of(limited)[0]):
        with pytest.raises(StorageFull, match=f"limited to {MOST} bytes and holds {MOST - 10}"):
            await limited.blob(LARGE)


@pytest.mark.parametrize("last", [-3601, 365 * DAY], ids=["an hour ago", "before the clock was set back by a year"])
async def test_garbage_goes_once_an_interval_and_not_while_another_collects(farm: Farm, last: float) -> None:
    loose = await farm.blob(LARGE)
    farm.now += GRACE + 60
    routine, lock = routine_of(farm, interval=3600)
    async with running(routine):
        await asyncio.sleep(0.5)
        assert await farm.has(loose) == [True]
        with GarbageLock(farm.store.garbage_lock).tried() as held:
            assert held
            os.utime(farm.store.garbage_lock, (0, time.time() + last))
            await asyncio.sleep(0.5)
            assert await farm.has(loose) == [True]
        while await farm.has(loose) == [True]:  # noqa: ASYNC110 - another task does it
            await asyncio.sleep(0.05)
        while lock.age > 3600:  # noqa: ASYNC110 - the collection ends a little later
            await asyncio.sleep(0.05)


async def test_what_projects_take_is_counted_after_a_collection(farm: Farm) -> None:
    await farm.step("one", await farm.blob(LARGE))
    kept = ProjectUsageTable(farm.store.index)
    async with running(routine_of(farm, interval=0)[0]):
        while kept.last() is None:  # noqa: ASYNC110 - another task does it
            await asyncio.sleep(0.05)
    found = kept.read()
    assert found is not None
    assert found.projects == {"default/app": found.total}
    assert found.total.stored == LARGE


async def test_expired_leases_and_uploads_go_with_it(farm: Farm) -> None:
    lease = await farm.store.leases.acquire("reader", [await farm.blob(LARGE)], 60)
    async with farm.store.uploads.open("one") as upload:
        await upload.write(b"bytes")
    path = farm.folder / "uploads" / "one"
    os.utime(path, (0, 0))
    farm.now += 61
    await routine_of(farm)[0].once()
    assert not path.exists()
    assert await farm.store.leases.release(lease.id) is False


async def test_who_waits_for_the_lock_is_told_once(tmp_path: Path) -> None:
    path, told = tmp_path / "lock", list[str]()
    first, second = GarbageLock(path), GarbageLock(path)
    async with first.held(lambda: told.append("first")):
        waiting = asyncio.create_task(_hold(second, told))
        while not told:  # noqa: ASYNC110 - another task does it
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        assert not waiting.done()
    await waiting
    assert told == ["second"]


async def _hold(lock: GarbageLock, told: list[str]) -> None:
    async with lock.held(lambda: told.append("second")):
        pass
