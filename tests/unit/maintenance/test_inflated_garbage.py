"""Garbage collection, scrubbing and counting of blobs that are what others hold compressed."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

import pytest

from lamella.index import Place
from lamella.maintenance.casualties import find_casualties
from lamella.maintenance.policy import GRACE
from lamella.maintenance.sweep import Sweeper
from lamella.model import Digest
from tests.suites.blob_store import get, put
from tests.unit.maintenance.damage import layout, scrub
from tests.unit.maintenance.farm import DAY, Farm, read_action
from tests.unit.store.compressed import TAR, put_form
from tests.unit.store.layers import flip

if TYPE_CHECKING:
    from typing import Any

DIFF_ID = Digest.of(TAR)


async def inflated(farm: Farm, form: str = "gzip") -> Digest:
    """Store a compressed layer, and look into it; returns the stored blob."""
    source = await put_form(farm.store, form)
    await asyncio.to_thread(farm.store.examiner.examine, source)
    return source


@pytest.mark.parametrize("form", ["gzip", "cold gzip", "gzip in pieces"])
async def test_what_names_it_keeps_its_source(farm: Farm, form: str) -> None:
    source = await inflated(farm, form)
    await farm.image("app:plain", DIFF_ID)
    farm.now += 2 * GRACE
    await farm.collect()
    assert await farm.has(source, DIFF_ID) == [True, True]
    assert await get(farm.store, DIFF_ID) == TAR


@pytest.mark.parametrize("form", ["gzip", "cold gzip"])
async def test_both_go_where_nothing_names_either(farm: Farm, form: str) -> None:
    await inflated(farm, form)
    farm.now += 2 * GRACE
    counted = await farm.collect(dry_run=True)
    swept = (await farm.collect()).swept
    assert (swept.blobs, swept.freed) == (counted.loose, counted.loose_bytes)
    assert farm.store.blobs.count() == 0


async def test_it_stays_with_its_source_although_nothing_names_it(farm: Farm) -> None:
    source = await inflated(farm)
    await farm.step("step", source)
    farm.now += 2 * GRACE
    assert (await farm.collect()).loose == 0
    assert await farm.has(source, DIFF_ID) == [True, True]


async def test_its_use_keeps_its_source_for_the_grace(farm: Farm) -> None:
    source = await inflated(farm)
    farm.now += 2 * GRACE
    await farm.store.missing([DIFF_ID])
    farm.now += GRACE / 2
    await farm.collect()
    assert await farm.has(source, DIFF_ID) == [True, True]


async def test_its_lease_keeps_its_source(farm: Farm) -> None:
    source = await inflated(farm)
    await farm.store.leases.acquire("me", [DIFF_ID], DAY)
    farm.now += 2 * GRACE
    await farm.collect(budget=0)
    assert await farm.has(source, DIFF_ID) == [True, True]


async def test_what_it_takes_counts_for_the_unit_that_names_it(farm: Farm) -> None:
    source = await inflated(farm)
    await farm.step("step", DIFF_ID)
    size = (await farm.store.stat(source)).size
    farm.now += 2 * GRACE
    [goes] = (await farm.collect(budget=size - 1)).goes
    assert goes.freed == size
    assert farm.store.blobs.count() == 0


@pytest.mark.parametrize("form", ["gzip", "cold gzip"])
async def test_a_reference_that_comes_during_a_sweep_keeps_both(
    farm: Farm, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await inflated(farm, form)
    original = Sweeper._sweep_recipes

    async def refer_first(sweeper: Sweeper, recipes: Any) -> None:
        await farm.step("step", DIFF_ID)
        await original(sweeper, recipes)

    monkeypatch.setattr(Sweeper, "_sweep_recipes", refer_first)
    farm.now += 2 * GRACE
    await farm.collect()
    assert await farm.has(source, DIFF_ID) == [True, True]
    monkeypatch.undo()
    farm.now += 2 * GRACE
    await farm.collect()
    assert await get(farm.store, DIFF_ID) == TAR


@pytest.mark.parametrize("form", ["gzip", "packed gzip"])
async def test_a_scrub_that_loses_the_source_names_both(farm: Farm, form: str) -> None:
    source = await inflated(farm, form)
    record = farm.store.blobs.inflated_from(source)
    assert record is not None
    key = await farm.step("step", record.digest)
    assert scrub(farm).findings == []
    at = farm.store.blobs.get_many([source])[source].location
    flip(*((layout(farm).blob(source), 500) if at is None else (layout(farm).pack(at.pack), at.frame_offset + 100)))
    lost = scrub(farm).lost
    assert {source, record.digest} <= lost
    assert await farm.has(source, record.digest) == [False, False]
    found = await find_casualties(farm.store, lost, read_action)
    assert [(casualty.unit.digest, casualty.blob) for casualty in found] == [(key, record.digest)]


async def test_a_project_has_its_bytes_only_where_it_names_it(farm: Farm) -> None:
    data = gzip.compress(TAR)
    source = await put(farm.store, data)
    await asyncio.to_thread(farm.store.examiner.examine, source)
    await farm.step("step", source, "a/a@main")
    await farm.step("step", DIFF_ID, "b/b@main")
    usages = await farm.counter().count()
    assert (usages.projects["a/a"].size, usages.projects["b/b"].size) == (len(data), len(TAR))
    assert {usage.stored for usage in usages.projects.values()} == {len(data)}
    assert (usages.total.stored, usages.total.own) == (len(data), len(data))
    assert {usage.own for usage in usages.projects.values()} == {0}
    assert farm.store.blobs.get_many([DIFF_ID])[DIFF_ID].place is Place.INFLATED
