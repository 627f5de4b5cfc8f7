"""Others use the store between the moment that decides and the one that deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lamella.maintenance.clock_guard import ClockSetBack
from lamella.maintenance.policy import GRACE
from lamella.maintenance.sweep import Sweeper
from lamella.model import Digest
from tests.suites.blob_store import get
from tests.unit.maintenance.farm import DAY, SCOPE, Farm
from tests.unit.store.layers import layer, put_cold
from tests.unit.store.recipes import put_as_recipe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from lamella.maintenance.collector import Collection

LARGE = 5000


class Meanwhile:
    """Collects garbage, and lets something happen before one step of the sweep."""

    def __init__(self, farm: Farm, patch: pytest.MonkeyPatch) -> None:
        self._farm = farm
        self._patch = patch

    async def __call__(self, happens: Callable[[], Awaitable[Any]], before: str = "sweep") -> Collection:
        original = getattr(Sweeper, before)

        async def step(sweeper: Sweeper, *arguments: Any) -> None:
            self._farm.now += 1
            await happens()
            await self._farm.settle()
            await original(sweeper, *arguments)

        with self._patch.context() as patch:
            patch.setattr(Sweeper, before, step)
            return await self._farm.collect(max_age=30 * DAY)


@pytest.fixture
def meanwhile(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    return Meanwhile(farm, monkeypatch)


async def test_a_hit_keeps_the_step_and_its_layer(farm: Farm, meanwhile: Meanwhile) -> None:
    layer = await farm.blob(LARGE)
    key = await farm.step("step", layer)
    other = await farm.step("other", await farm.blob(LARGE + 1))
    farm.now += 31 * DAY

    async def hit() -> None:
        farm.tables.steps.note_use(SCOPE, key)

    report = await meanwhile(hit)
    assert (report.swept.units, report.swept.spared, report.swept.blobs) == (1, 1, 1)
    assert farm.has_step(key)
    assert not farm.has_step(other)


@pytest.mark.parametrize("before", ["sweep", "_sweep_manifests", "_sweep_recipes", "_remove"])
async def test_a_commit_that_names_a_doomed_blob_keeps_it(farm: Farm, meanwhile: Meanwhile, before: str) -> None:
    layer, loose = await farm.blob(LARGE), await farm.blob(LARGE + 1)
    farm.now += DAY
    report = await meanwhile(lambda: farm.step("step", layer), before)
    assert (report.loose, report.swept.blobs) == (2, 1)
    assert await farm.has(layer, loose) == [True, False]
    assert farm.has_step(await farm.step("step", layer))


async def test_a_commit_after_the_blob_went_is_refused(farm: Farm, meanwhile: Meanwhile) -> None:
    layer = await farm.blob(LARGE)
    farm.now += DAY
    assert (await meanwhile(farm.settle)).swept.blobs == 1
    with pytest.raises(Exception, match="not in the store"):
        await farm.step("step", layer)


@pytest.mark.parametrize("before", ["sweep", "_sweep_manifests"])
async def test_an_index_that_names_a_doomed_manifest_keeps_all_that_it_needs(
    farm: Farm, meanwhile: Meanwhile, before: str
) -> None:
    layer = await farm.blob(LARGE)
    child = await farm.image("app", layer)
    signature = await farm.image("app", layer, subject=child)
    farm.now += 31 * DAY
    await meanwhile(lambda: farm.bundle("app:latest", child), before)
    assert farm.has_tag("app:latest")
    assert farm.has_manifest("app", child)
    assert farm.has_manifest("app", signature)
    assert all(await farm.has(child, layer))


async def test_an_index_that_is_pulled_keeps_its_doomed_children(farm: Farm, meanwhile: Meanwhile) -> None:
    layers = [await farm.blob(LARGE + n) for n in range(9)]
    children = [await farm.image("app", layer) for layer in layers]
    inner = await farm.bundle("app", *children)
    outer = await farm.bundle("app", inner)
    farm.now += 31 * DAY

    async def pull() -> None:
        farm.tables.manifests.note_use("app", outer)

    report = await meanwhile(pull, "_sweep_manifests")
    assert (report.swept.units, report.swept.spared, report.swept.blobs) == (0, 1, 0)
    assert all(farm.has_manifest("app", digest) for digest in (outer, inner, *children))
    assert all(await farm.has(*layers))


async def test_a_lease_or_an_upload_keeps_a_doomed_blob(farm: Farm, meanwhile: Meanwhile) -> None:
    leased, uploaded, asked, loose = [await farm.blob(LARGE + n) for n in range(4)]
    farm.now += DAY

    async def happens() -> None:
        await farm.store.leases.acquire("reader", [leased], 60)
        await farm.blob(LARGE + 1)
        assert not await farm.store.missing([asked])

    report = await meanwhile(happens, "_sweep_recipes")
    assert (report.loose, report.swept.blobs) == (4, 1)
    assert await farm.has(leased, uploaded, asked, loose) == [True, True, True, False]


async def test_a_step_that_was_committed_again_stays(farm: Farm, meanwhile: Meanwhile) -> None:
    layer = await farm.blob(LARGE)
    key = await farm.step("step", layer)
    farm.now += 31 * DAY
    await meanwhile(lambda: farm.step("step", layer), "_sweep_units")
    assert farm.has_step(key)
    assert await farm.has(layer) == [True]


async def test_a_clock_that_is_set_back_ends_the_collection(farm: Farm, meanwhile: Meanwhile) -> None:
    layer = await farm.blob(LARGE)
    farm.now += DAY
    steady = farm.now

    async def set_back() -> None:
        farm.now -= 3600
        await farm.step("step", layer)

    farm.steady = lambda: steady
    with pytest.raises(ClockSetBack, match="set back by"):
        await meanwhile(set_back)
    farm.steady = farm.clock
    assert farm.has_step(await farm.step("step", layer))
    await farm.collect(max_age=30 * DAY)
    assert await farm.has(layer) == [True]


async def test_a_push_keeps_the_chunks_of_a_doomed_layer(farm: Farm, meanwhile: Meanwhile, tmp_path: Path) -> None:
    doomed = await put_cold(farm.store, layer())
    farm.now += 2 * GRACE

    async def happens() -> None:
        await put_as_recipe(farm.store, layer(1), tmp_path)

    await meanwhile(happens)
    assert await farm.has(doomed, Digest.of(layer(1))) == [False, True]
    assert await get(farm.store, Digest.of(layer(1))) == layer(1)


async def test_what_was_used_before_the_clock_was_set_back_by_a_year_grows_old_as_all_else(farm: Farm) -> None:
    farm.now += 365 * DAY
    loose, layer = await farm.blob(50_000), await farm.blob(50_001)
    key = await farm.step("step", layer)
    image = await farm.image("app:old", layer)
    referrer = await farm.image("app", layer, subject=image)
    farm.now -= 365 * DAY
    assert (await farm.collect(max_age=DAY)).goes == []
    farm.now += 2 * DAY
    await farm.collect(max_age=DAY)
    assert await farm.has(loose, layer) == [False, False]
    assert (farm.has_step(key), farm.has_tag("app:old"), farm.has_manifest("app", referrer)) == (False, False, False)
