"""Garbage collection of blobs that are rebuilt from chunks."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

from lamella.index import PackTable, Place
from lamella.maintenance.policy import GRACE
from lamella.model import Digest
from tests.suites.blob_store import get, put
from tests.unit.store.killed_commit import DIGEST, LAYER, compact, kill_in_commit
from tests.unit.store.layers import layer, put_cold
from tests.unit.store.recipes import add_all, receive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.maintenance.farm import Farm


def chunks(farm: Farm) -> int:
    return sum(record.place is Place.PACKED for record in farm.store.blobs.page(None, 10_000))


async def test_a_cold_layer_keeps_its_chunks(farm: Farm) -> None:
    kept, gone = await put_cold(farm.store, layer()), await put_cold(farm.store, layer(1))
    await farm.step("step", kept)
    farm.now += 2 * GRACE
    before = chunks(farm)
    assert (await farm.collect()).swept.blobs > 1
    assert await farm.has(kept, gone) == [True, False]
    assert await get(farm.store, kept) == layer()
    assert 0 < chunks(farm) < before
    assert len([path for path in (farm.folder / "recipes").rglob("*") if path.is_file()]) == 1


async def test_the_chunks_stay_of_a_layer_that_a_killed_process_has_just_turned_cold(farm: Farm) -> None:
    await put(farm.store, LAYER)
    await farm.step("step", DIGEST)
    await asyncio.to_thread(kill_in_commit, farm.folder, compact, Place.RECIPE)
    farm.now = time.time() + 2 * GRACE
    assert (await farm.collect()).swept.blobs == 0
    assert await get(farm.store, DIGEST) == LAYER


async def test_a_cold_layer_that_nothing_needs_goes_with_all_of_its_chunks(farm: Farm) -> None:
    await put_cold(farm.store, layer())
    farm.now += 2 * GRACE
    report = await farm.collect()
    assert report.swept.freed == report.loose_bytes > 0
    assert farm.store.blobs.count() == 0
    assert list((farm.folder / "packs").iterdir()) == []
    assert PackTable(farm.store.index).page(None, 10) == []
    assert (await farm.collect()).swept.blobs == 0


async def test_a_cold_layer_is_read_to_its_end_although_it_is_garbage(farm: Farm) -> None:
    data = layer(files=80)
    digest = await put_cold(farm.store, data)
    async with aclosing(farm.store.open(digest, count=False)) as buffers:
        parts = [bytes(await anext(buffers))]
        farm.now += 2 * GRACE
        assert (await farm.collect()).swept.blobs == 1
        assert await farm.has(digest) == [False]
        parts += [bytes(buffer) async for buffer in buffers]
    assert b"".join(parts) == data
    farm.store.leftovers.remove()
    await farm.collect()
    assert farm.store.blobs.count() == 0


async def test_a_layer_that_is_stored_again_needs_no_chunks(farm: Farm) -> None:
    digest = await put_cold(farm.store, layer())
    await farm.step("step", digest)
    assert await farm.store.delete(digest)
    assert await put(farm.store, layer()) == digest
    farm.now += 2 * GRACE
    await farm.collect()
    assert chunks(farm) == 0
    assert await get(farm.store, digest) == layer()


async def test_a_push_may_take_as_long_as_a_collection(farm: Farm, tmp_path: Path) -> None:
    doomed = await put_cold(farm.store, layer())
    farm.now += 2 * GRACE
    async with receive(farm.store, layer(1), tmp_path) as incoming:
        assert 0 < len(incoming.missing) < len(incoming.chunks)
        await farm.collect()
        await add_all(incoming, layer(1))
        await farm.collect()
        await farm.store.receiver.commit(incoming)
    await farm.collect()
    assert await farm.has(doomed, Digest.of(layer(1))) == [False, True]
    assert await get(farm.store, Digest.of(layer(1))) == layer(1)
