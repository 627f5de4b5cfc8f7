from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.index import PackRecord, PackTable
from lamella.maintenance.async_pace import AsyncPace
from lamella.maintenance.policy import GRACE
from lamella.maintenance.repack import SMALL_LEAST, repack
from lamella.model import Digest
from tests.suites.blob_store import get
from tests.unit.store.layers import layer, put_cold, text

if TYPE_CHECKING:
    from tests.unit.maintenance.farm import Farm


async def put_pack(farm: Farm, seed: int, count: int = 20) -> list[Digest]:
    blobs = [text((seed, number), 20_000) for number in range(count)]
    named = {Digest.of(data): data for data in blobs}
    assert not await farm.store.write_many(named)
    return list(named)


def packs_of(farm: Farm) -> list[PackRecord]:
    return PackTable(farm.store.index).page(None, 1000)


async def test_a_pack_is_written_anew_when_a_third_is_unused(farm: Farm) -> None:
    for unused, rewritten in ((4, False), (7, True)):
        blobs = await put_pack(farm, unused)
        for digest in blobs[:unused]:
            await farm.store.delete(digest)
        done = await repack(farm.store, AsyncPace(1))
        assert (done.packs, done.freed > 0) == (int(rewritten), rewritten)
        for digest in blobs[unused:]:
            assert Digest.of(await get(farm.store, digest)) == digest


async def test_in_need_the_emptiest_packs_go_first_and_no_more_than_has_to(farm: Farm) -> None:
    left: dict[int, set[int]] = {}
    for unused in (2, 5, 4):
        blobs = await put_pack(farm, unused)
        left[unused] = {record.pack for record in packs_of(farm)} - set().union(*left.values())
        for digest in blobs[:unused]:
            await farm.store.delete(digest)
    done = await repack(farm.store, AsyncPace(1), excess=1)
    assert done.packs == 1
    there = {record.pack for record in packs_of(farm)}
    assert [packs <= there for packs in (left[2], left[4], left[5])] == [True, True, False]
    assert (await repack(farm.store, AsyncPace(1), excess=1 << 30)).packs == 2


async def test_many_small_packs_become_one(farm: Farm) -> None:
    digests = []
    for seed in range(SMALL_LEAST - 1):
        digests += await put_pack(farm, seed, 9)
    assert (await repack(farm.store, AsyncPace(1))).packs == 0
    digests += await put_pack(farm, SMALL_LEAST, 9)
    assert (await repack(farm.store, AsyncPace(1))).packs == SMALL_LEAST
    assert [record.blobs for record in packs_of(farm)] == [len(digests)]
    assert (await repack(farm.store, AsyncPace(1))).packs == 0
    for digest in digests:
        assert Digest.of(await get(farm.store, digest)) == digest


async def test_collecting_gives_back_what_cold_layers_took(farm: Farm) -> None:
    gone, kept = await put_cold(farm.store, layer(files=60)), await put_cold(farm.store, layer(1, files=20))
    await farm.step("step", kept)
    farm.now += 2 * GRACE
    report = await farm.collect()
    assert report.repacked.freed > 0
    assert await farm.has(kept, gone) == [True, False]
    assert await get(farm.store, kept) == layer(1, files=20)
    await farm.store.delete(kept)
    farm.now += 2 * GRACE
    await farm.collect()
    assert packs_of(farm) == []
    assert list((farm.folder / "packs").iterdir()) == []
