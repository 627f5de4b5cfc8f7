"""What each project takes of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.index import ProjectUsage, ProjectUsages, ProjectUsageTable, UnitKind, UnitRow
from lamella.maintenance import project_usage
from lamella.maintenance.marker import split
from lamella.maintenance.project_usage import INTERVAL
from tests.unit.store.layers import layer, put_cold

if TYPE_CHECKING:
    import pytest

    from lamella.maintenance.references import Needs
    from lamella.model import Digest
    from tests.unit.maintenance.farm import Farm

LARGE = 5000
"""More bytes than the index holds, so that a blob is a file."""


def kept(farm: Farm) -> ProjectUsages:
    found = ProjectUsageTable(farm.store.index).read()
    assert found is not None
    return found


def size_of(farm: Farm, *digests: Digest) -> int:
    return sum(record.size for record in farm.store.blobs.get_many(digests).values())


async def test_an_empty_store_has_no_projects(farm: Farm) -> None:
    found = await farm.counter().count()
    assert (found.total, found.projects) == (ProjectUsage(), {})


async def test_scopes_and_repositories_of_one_name_are_one_project(farm: Farm) -> None:
    layers = [await farm.blob(LARGE + n) for n in range(4)]
    await farm.step("one", layers[0], "default/app@main")
    await farm.step("two", layers[1], "default/app@feature/x")
    await farm.action("action", layers[2])
    manifest = await farm.image("app:latest", layers[3])
    await farm.step("three", layers[0], "default/app-other@main")
    found = await farm.counter().count()
    app, other = found.projects["default/app"], found.projects["default/app-other"]
    assert list(found.projects) == ["default/app", "default/app-other"]
    config_and_manifest = app.size - size_of(farm, *layers)
    assert config_and_manifest > size_of(farm, manifest)
    assert app == ProjectUsage(6, app.size, app.size, app.size - LARGE)
    assert other == ProjectUsage(1, LARGE, LARGE, 0)
    assert found.total == ProjectUsage(6, app.size, app.size, app.size)


async def test_repositories_below_others_are_projects_of_their_own(farm: Farm) -> None:
    shared, own = await farm.blob(LARGE), await farm.blob(LARGE + 1)
    for tag in ("cache/app:main", "cache/app/arm:main", "cache:main"):
        await farm.image(tag, shared)
    await farm.image("cache/app:other", own)
    found = await farm.counter().count()
    assert list(found.projects) == ["default/cache", "default/cache/app", "default/cache/app/arm"]
    assert [usage.blobs for usage in found.projects.values()] == [3, 6, 3]
    assert all(usage.stored - usage.own >= LARGE for usage in found.projects.values())
    assert found.total.blobs < 12
    assert found.total.stored < sum(usage.stored for usage in found.projects.values())


async def test_each_chunk_of_cold_layers_counts_once_a_project(farm: Farm) -> None:
    one, two = await put_cold(farm.store, layer()), await put_cold(farm.store, layer(1))
    await farm.step("one", one, "a/a@main")
    await farm.step("two", two, "a/a@main")
    await farm.step("two", two, "b/b@main")
    found = await farm.counter().count()
    chunks = [await chunks_stored(farm, digest) for digest in (one, two)]
    recipes = [record.stored for record in farm.store.blobs.get_many([one, two]).values()]
    assert set(chunks[0]) & set(chunks[1])
    stored = sum(recipes) + sum((chunks[0] | chunks[1]).values())
    in_b = recipes[1] + sum(chunks[1].values())
    assert found.projects["a/a"] == ProjectUsage(2, size_of(farm, one, two), stored, stored - in_b)
    assert found.projects["b/b"] == ProjectUsage(1, size_of(farm, two), in_b, 0)
    assert found.total == ProjectUsage(2, size_of(farm, one, two), stored, stored)
    assert stored < found.total.size


async def chunks_stored(farm: Farm, digest: Digest) -> dict[Digest, int]:
    """Return what each chunk of a cold layer takes on the disk."""
    digests = split(await farm.store.chunks_of(digest))
    return {record.digest: record.stored for record in farm.store.blobs.get_many(digests).values()}


async def test_blobs_that_nothing_needs_and_units_that_lost_theirs_count_for_nothing(farm: Farm) -> None:
    await farm.blob(LARGE)
    lost = await farm.blob(LARGE + 1)
    await farm.step("one", lost)
    assert farm.store.condemn(lost, "for a test")
    found = await farm.counter().count()
    assert found.projects == {"default/app": ProjectUsage()}
    assert found.total == ProjectUsage()


async def test_more_units_and_spaces_than_a_page_are_counted(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_usage, "PAGE", 2)
    for n in range(5):
        await farm.step(f"step {n}", await farm.blob(LARGE + n), f"team/app@{n}")
        await farm.step(f"step {n}", await farm.blob(2 * LARGE + n), "team/app@last")
    found = await farm.counter().count()
    assert list(found.projects) == ["team/app"]
    assert found.projects["team/app"].blobs == 10


async def test_a_count_is_kept_and_replaces_the_last_one(farm: Farm) -> None:
    counter = farm.counter()
    due = [counter.is_due]
    await farm.step("one", await farm.blob(LARGE), "a/a@main")
    await counter.refresh()
    first = kept(farm)
    assert (first.counted, list(first.projects), first.total.size) == (int(farm.now), ["a/a"], LARGE)
    due.append(counter.is_due)
    farm.now += INTERVAL
    due.append(counter.is_due)
    assert due == [True, False, True]
    await farm.step("two", await farm.blob(LARGE + 1), "b/b@main")
    row = farm.tables.units.page(UnitKind.STEP, None, 1, "a/a@main")[0]
    farm.now += 10
    await farm.store.index.write(lambda txn: farm.tables.units.remove_unused(txn, row, int(farm.now)))
    await counter.refresh()
    second = kept(farm)
    assert (second.counted, list(second.projects), second.total.size) == (int(farm.now), ["b/b"], LARGE + 1)


async def test_where_nothing_changed_nothing_is_looked_into_again(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [await farm.blob(LARGE + n) for n in range(2)]
    await farm.image("app:latest", layers[0])
    counter, looked = farm.counter(), list[UnitRow]()
    of = counter._references.of

    async def spy(unit: UnitRow) -> Needs:
        looked.append(unit)
        return await of(unit)

    monkeypatch.setattr(counter._references, "of", spy)
    await counter.refresh()
    assert [unit.kind for unit in looked] == [UnitKind.TAG]
    first = kept(farm)
    farm.now += INTERVAL
    await counter.refresh()
    assert len(looked) == 1
    assert kept(farm) == ProjectUsages(first.counted + INTERVAL, first.state, first.total, first.projects)
    await farm.image("app:latest", layers[1])
    await counter.refresh()
    assert len(looked) > 1
    assert kept(farm).total.size > first.total.size
