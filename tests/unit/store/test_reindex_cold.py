from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lamella.index import PackTable, Place, UsageTable
from lamella.store import LocalStore, ReindexReport, reindex
from tests.suites.blob_store import content, get, listed, put
from tests.unit.store.layers import blob_file, flip, layer, put_cold
from tests.unit.store.test_packed import batch

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.model import Digest

LAYERS = [layer(0), layer(1)]
BATCH = batch(20)


@pytest.fixture
async def cold(folder: Path) -> list[Digest]:
    async with LocalStore(folder) as store:
        digests = [await put_cold(store, data) for data in LAYERS]
        await store.write_many(BATCH)
    return digests


async def test_a_sound_store_stays_as_it_is(folder: Path, cold: list[Digest]) -> None:
    assert len(cold) == 2
    async with LocalStore(folder) as store:
        before = store.blobs.page(None, 10_000), PackTable(store.index).page(None, 10)
        usage = UsageTable(store.index).all()
    assert reindex(folder) == ReindexReport(packs=3, cold=2)
    async with LocalStore(folder) as store:
        assert (store.blobs.page(None, 10_000), PackTable(store.index).page(None, 10)) == before
        assert UsageTable(store.index).all() == usage


async def test_packs_and_cold_blobs_come_back_without_the_index(folder: Path, cold: list[Digest]) -> None:
    async with LocalStore(folder) as store:
        before = await listed(store)
        usage = UsageTable(store.index).all()
    shutil.rmtree(folder / "index")
    assert reindex(folder) == ReindexReport(packs=3, cold=2, adopted=len(before))
    async with LocalStore(folder) as store:
        assert await listed(store) == before
        assert UsageTable(store.index).all() == usage
        assert [await get(store, digest) for digest in cold] == LAYERS
        assert [await get(store, digest) for digest in BATCH] == list(BATCH.values())


async def test_what_is_damaged_is_lost_and_nothing_else(folder: Path, cold: list[Digest]) -> None:
    async with LocalStore(folder) as store:
        # The first pack holds what both layers have, the second only what is new in the second.
        second = PackTable(store.index).page(None, 10)
        hot = await put(store, content(100_000))
        [fewest] = [found.pack for found in second if found.blobs == min(pack.blobs for pack in second)]
    flip(folder / "packs" / f"{fewest:016x}.pack", 100)
    report = reindex(folder)
    assert report.quarantined == 1
    assert report.lost >= 2
    async with LocalStore(folder) as store:
        assert await store.missing([*cold, hot, *BATCH]) == {cold[1]}
        assert await get(store, cold[0]) == LAYERS[0]
        assert len([path for path in (folder / "quarantine").iterdir() if path.name.startswith(cold[1].hex)]) == 1
        assert await get(store, await put_cold(store, LAYERS[1])) == LAYERS[1]


async def test_what_is_no_pack_and_no_recipe_is_set_aside(folder: Path, cold: list[Digest]) -> None:
    (folder / "packs" / "notes.txt").write_bytes(b"mine")
    (folder / "packs" / f"{5:016x}.pack").write_bytes(b"mine")
    recipes = folder / "recipes" / "sha256"
    (recipes / cold[0].hex[:2] / ("0" * 64)).write_bytes(b"mine")
    report = reindex(folder)
    assert (report.quarantined, report.lost, report.packs, report.cold) == (3, 0, 3, 2)


async def test_a_lost_pack_takes_the_blobs_with_it(folder: Path, cold: list[Digest]) -> None:
    for path in (folder / "packs").iterdir():
        path.unlink()
    report = reindex(folder)
    assert report.packs == report.cold == 0
    async with LocalStore(folder) as store:
        assert await listed(store) == []
        assert PackTable(store.index).page(None, 10) == []
        assert await store.missing(cold) == set(cold)
        assert {usage.blobs for usage in UsageTable(store.index).all().values()} == {0}


async def test_a_whole_copy_that_a_crash_left_needs_no_recipe_any_more(folder: Path, cold: list[Digest]) -> None:
    path = blob_file(folder, cold[0])
    path.write_bytes(LAYERS[0])
    assert reindex(folder).adopted == 1
    async with LocalStore(folder) as store:
        record = store.blobs.get(cold[0])
        assert record is not None
        assert record.place is Place.FILE
        assert store.leftovers.remove().files == 1
        assert await get(store, cold[0]) == LAYERS[0]
