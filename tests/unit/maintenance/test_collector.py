"""What is kept and what goes, kind by kind."""

from __future__ import annotations

from lamella.index import UnitKind
from lamella.maintenance.plan import Why
from lamella.maintenance.policy import GRACE
from lamella.model import EMPTY
from tests.unit.maintenance.farm import DAY, SCOPE, Farm

LARGE = 5000
"""More bytes than the index holds, so that a blob is a file."""


async def test_a_blob_that_nothing_needs_goes_after_its_grace(farm: Farm) -> None:
    loose, needed = await farm.blob(LARGE), await farm.blob(LARGE + 1)
    await farm.step("one", needed)
    assert (await farm.collect()).swept.blobs == 0
    farm.now += GRACE
    report = await farm.collect()
    assert (report.goes, report.loose, report.loose_bytes) == ([], 1, LARGE)
    assert (report.swept.blobs, report.swept.freed, report.kept) == (1, LARGE, LARGE + 1)
    assert await farm.has(loose, needed) == [False, True]
    files = [path.name for path in (farm.folder / "blobs").rglob("*") if path.is_file()]
    assert files == [needed.hex]


async def test_without_limits_no_unit_goes_however_old(farm: Farm) -> None:
    blobs = [await farm.blob(LARGE + n) for n in range(4)]
    key = await farm.step("step", blobs[0])
    action = await farm.action("action", blobs[1])
    await farm.image("app:latest", blobs[2])
    untagged = await farm.image("app", blobs[3])
    farm.now += 10 * 365 * DAY
    report = await farm.collect()
    assert (report.goes, report.swept.blobs) == ([], 0)
    assert farm.has_step(key)
    assert farm.has_tag("app:latest")
    assert farm.has_manifest("app", untagged)
    assert farm.tables.actions.get(SCOPE, action) is not None
    assert all(await farm.has(*blobs))


async def test_every_kind_of_unit_ages_and_takes_its_blobs_along(farm: Farm) -> None:
    blobs = [await farm.blob(LARGE + n) for n in range(4)]
    key = await farm.step("step", blobs[0])
    action = await farm.action("action", blobs[1])
    manifest = await farm.image("app:latest", blobs[2])
    untagged = await farm.image("app", blobs[3])
    farm.now += 30 * DAY
    report = await farm.collect(max_age=29 * DAY)
    kinds = sorted(verdict.unit.kind for verdict in report.goes)
    assert kinds == [UnitKind.STEP, UnitKind.ACTION, UnitKind.TAG, UnitKind.MANIFEST, UnitKind.MANIFEST]
    assert {verdict.why for verdict in report.goes} == {Why.AGE}
    assert sum(verdict.freed for verdict in report.goes) == report.swept.freed
    assert not farm.has_step(key)
    assert not farm.has_tag("app:latest")
    assert not farm.has_manifest("app", manifest)
    assert not farm.has_manifest("app", untagged)
    assert farm.tables.actions.get(SCOPE, action) is None
    assert farm.store.blobs.count() == 0


async def test_a_use_keeps_a_unit_alive(farm: Farm) -> None:
    layers = [await farm.blob(LARGE + n) for n in range(3)]
    key = await farm.step("step", layers[0])
    await farm.image("app:pulled", layers[1])
    by_digest = await farm.image("app:by-digest", layers[2])
    for _ in range(3):
        farm.now += 20 * DAY
        farm.tables.steps.note_use(SCOPE, key)
        await farm.pull("app:pulled")
        farm.tables.manifests.note_use("app", by_digest)
        await farm.settle()
        assert (await farm.collect(max_age=30 * DAY)).goes == []
    assert farm.has_step(key)
    assert farm.has_tag("app:pulled")
    assert farm.has_tag("app:by-digest")
    assert all(await farm.has(*layers))


async def test_what_two_units_share_stays_with_the_last_of_them(farm: Farm) -> None:
    shared, own = await farm.blob(LARGE), await farm.blob(LARGE + 1)
    old = await farm.image("app:old", shared, own)
    farm.now += 20 * DAY
    new = await farm.step("new", shared)
    farm.now += 20 * DAY
    report = await farm.collect(max_age=30 * DAY)
    assert await farm.has(shared, own, old) == [True, False, False]
    assert farm.has_step(new)
    assert all(verdict.freed < LARGE + 1 + LARGE for verdict in report.goes)


async def test_children_referrers_and_theirs_live_with_an_index(farm: Farm) -> None:
    layers = [await farm.blob(LARGE + n) for n in range(3)]
    child = await farm.image("app", layers[0])
    bundle = await farm.bundle("app:latest", child)
    signature = await farm.image("app", layers[1], subject=bundle)
    countersignature = await farm.image("app", layers[2], subject=signature)
    everything = [child, bundle, signature, countersignature, *layers]
    for _ in range(3):
        farm.now += 20 * DAY
        await farm.pull("app:latest")
        assert (await farm.collect(max_age=30 * DAY)).goes == []
    assert all(await farm.has(*everything))
    farm.now += 31 * DAY
    report = await farm.collect(max_age=30 * DAY)
    assert {verdict.why for verdict in report.goes} == {Why.AGE, Why.SUBJECT}
    assert not any(await farm.has(*everything))


async def test_a_referrer_goes_when_its_subject_is_long_gone(farm: Farm) -> None:
    layer = await farm.blob(LARGE)
    subject = await farm.image("app:latest", layer)
    signature = await farm.image("app", layer, subject=subject)
    tagged = await farm.image("app:signature", layer, subject=subject)
    await farm.tables.manifests.remove("app", subject)
    await farm.collect()
    assert farm.has_manifest("app", signature)
    farm.now += GRACE
    report = await farm.collect()
    assert [(verdict.why, verdict.unit.digest) for verdict in report.goes] == [(Why.SUBJECT, signature)]
    assert f"{subject} is gone" in report.goes[0].detail
    assert farm.has_manifest("app", tagged)


async def test_all_exports_of_a_cache_live_with_its_tag(farm: Farm) -> None:
    layers = [await farm.blob(LARGE + n) for n in range(3)]
    exports = [await farm.image("cache:main", layer, cache=True) for layer in layers]
    farm.now += 20 * DAY
    await farm.pull("cache:main")
    farm.now += 20 * DAY
    assert (await farm.collect(max_age=30 * DAY)).goes == []
    assert all(farm.has_manifest("cache", export) for export in exports)
    assert all(await farm.has(*layers, *exports))
    farm.now += 11 * DAY
    await farm.collect(max_age=30 * DAY)
    assert farm.store.blobs.count() == 0


async def test_a_step_whose_layer_is_lost_goes_at_once(farm: Farm) -> None:
    layer = await farm.blob(LARGE)
    await farm.step("one", layer)
    assert farm.store.condemn(layer, "for a test")
    report = await farm.collect()
    assert [(verdict.why, verdict.freed) for verdict in report.goes] == [(Why.BROKEN, 0)]
    assert report.swept.units == 1


async def test_a_leased_blob_stays_as_long_as_the_lease(farm: Farm) -> None:
    digest = await farm.blob(LARGE)
    await farm.store.leases.acquire("reader", [digest], 3 * GRACE)
    farm.now += 2 * GRACE
    assert (await farm.collect(budget=0)).swept.blobs == 0
    farm.now += 2 * GRACE
    assert (await farm.collect()).swept.blobs == 1


async def test_a_dry_run_tells_the_same_and_changes_nothing(farm: Farm) -> None:
    await farm.step("one", await farm.blob(LARGE))
    await farm.blob(LARGE + 1)
    farm.now += 40 * DAY
    asked = await farm.collect(max_age=30 * DAY, dry_run=True)
    assert farm.store.blobs.count() == 2
    done = await farm.collect(max_age=30 * DAY)
    assert (asked.goes, asked.loose, asked.loose_bytes, asked.kept) == (
        done.goes,
        done.loose,
        done.loose_bytes,
        done.kept,
    )
    assert (asked.swept.blobs, done.swept.blobs, done.swept.freed) == (0, 2, 2 * LARGE + 1)


async def test_a_unit_without_a_last_use_begins_to_age(farm: Farm) -> None:
    key = await farm.step("one", None)
    row = farm.tables.units.page(UnitKind.STEP, None, 1)[0].key
    await farm.store.index.write(lambda txn: farm.tables.uses.remove(txn, UnitKind.STEP, row))
    farm.now += 100 * DAY
    assert (await farm.collect(max_age=30 * DAY)).goes == []
    farm.now += 31 * DAY
    assert len((await farm.collect(max_age=30 * DAY)).goes) == 1
    assert not farm.has_step(key)


async def test_a_blob_that_is_gone_is_no_longer_hidden_in_a_repository(farm: Farm) -> None:
    gone, kept = await farm.blob(LARGE), await farm.blob(LARGE + 1)
    await farm.step("one", kept)
    for digest in (gone, kept, EMPTY):
        await farm.tables.hidden.add("app", digest)
    farm.now += GRACE + 2
    await farm.collect(dry_run=True)
    assert farm.tables.hidden.has("app", gone)
    await farm.collect()
    assert [farm.tables.hidden.has("app", digest) for digest in (gone, kept, EMPTY)] == [False, True, True]
