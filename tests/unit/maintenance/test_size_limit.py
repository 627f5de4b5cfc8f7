"""What goes where there is no room for all."""

from __future__ import annotations

from lamella.maintenance.plan import Why
from lamella.maintenance.policy import GRACE
from tests.unit.maintenance.farm import DAY, Farm

LARGE = 100_000


async def test_the_least_recently_used_goes_first_and_no_more_than_has_to(farm: Farm) -> None:
    keys = []
    for n in range(6):
        farm.now += DAY
        keys.append(await farm.step(f"step {n}", await farm.blob(LARGE + n)))
    farm.now += DAY
    report = await farm.collect(budget=3 * LARGE + 20)
    assert [farm.has_step(key) for key in keys] == [False, False, False, True, True, True]
    assert {verdict.why for verdict in report.goes} == {Why.SIZE}
    assert [verdict.freed for verdict in report.goes] == [LARGE + 2, LARGE + 1, LARGE]
    assert report.kept == 3 * LARGE + 12
    assert report.swept.freed == 3 * LARGE + 3


async def test_a_unit_that_frees_nothing_stays(farm: Farm) -> None:
    shared = await farm.blob(LARGE)
    old = await farm.step("old", shared)
    farm.now += DAY
    middle = await farm.step("middle", await farm.blob(LARGE + 1))
    farm.now += DAY
    new = await farm.step("new", shared)
    farm.now += DAY
    await farm.collect(budget=LARGE)
    assert [farm.has_step(key) for key in (old, middle, new)] == [True, False, True]


async def test_a_hit_moves_a_unit_to_the_front(farm: Farm) -> None:
    keys = []
    for n in range(3):
        farm.now += DAY
        keys.append(await farm.step(f"step {n}", await farm.blob(LARGE + n)))
    farm.now += DAY
    farm.tables.steps.note_use("default/app@main", keys[0])
    await farm.settle()
    await farm.collect(budget=LARGE + 10)
    assert [farm.has_step(key) for key in keys] == [True, False, False]


async def test_what_is_used_all_the_time_stays_although_the_store_turns_over_within_an_hour(farm: Farm) -> None:
    hot = await farm.step("hot", await farm.blob(LARGE))
    for n in range(1, 10):
        farm.now += 301
        await farm.step(f"step {n}", await farm.blob(LARGE + n))
        farm.tables.steps.note_use("default/app@main", hot)
        await farm.settle()
        await farm.collect(budget=3 * LARGE + 100)
        assert farm.has_step(hot)


async def test_a_loose_blob_loses_its_grace_where_there_is_no_room(farm: Farm) -> None:
    older = await farm.blob(LARGE)
    farm.now += 60
    newer = await farm.blob(LARGE + 1)
    farm.now += 60
    key = await farm.step("step", await farm.blob(LARGE + 2))
    report = await farm.collect(budget=2 * LARGE + 10)
    assert await farm.has(older, newer) == [False, True]
    assert farm.has_step(key)
    assert (report.loose, report.loose_bytes) == (1, LARGE)


async def test_an_old_unit_goes_before_a_fresh_upload(farm: Farm) -> None:
    key = await farm.step("step", await farm.blob(LARGE))
    farm.now += GRACE + 60
    fresh = await farm.blob(LARGE + 1)
    await farm.collect(budget=LARGE + 10)
    assert not farm.has_step(key)
    assert await farm.has(fresh) == [True]


async def test_what_was_written_since_it_began_stays_whatever_the_limit(farm: Farm) -> None:
    kept = await farm.step("step", await farm.blob(LARGE))
    report = await farm.collector().collect(farm.policy(budget=0))
    assert (report.swept.units, report.swept.blobs, report.swept.spared) == (0, 0, 1)
    assert farm.has_step(kept)
