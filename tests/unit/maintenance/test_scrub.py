from __future__ import annotations

import asyncio
import random
import threading

import pytest

from lamella.index import BlobRecord, PackTable, Place
from lamella.maintenance.casualties import find_casualties
from lamella.maintenance.scrub import Cursor, Outcome, Phase, Scrub, ScrubReport
from lamella.model import Digest
from tests.suites.blob_store import content, get, put
from tests.unit.maintenance.damage import LAYER, assert_sound, chunks, damage_frame, layout, only, packs, place, scrub
from tests.unit.maintenance.farm import Farm, read_action
from tests.unit.store.layers import flip, layer, put_cold, text


async def test_a_sound_store_is_read_and_left_as_it_is(farm: Farm) -> None:
    small = [content(size) for size in (5000, 6000, 7000, 8000)]
    await farm.store.write_many({Digest.of(data): data for data in small})
    hot, inline, cold = await put(farm.store, content(50_000)), await put(farm.store, b"small"), layer()
    await put_cold(farm.store, cold)
    before = farm.store.blobs.page(None, 10_000)
    report = scrub(farm)
    assert report.findings == []
    assert report.blobs == len(before)
    assert report.packs == 2
    files = [*packs(farm), layout(farm).blob(hot), layout(farm).recipe(Digest.of(cold))]
    assert report.bytes == sum(path.stat().st_size for path in files) + len(b"small")
    assert farm.store.blobs.page(None, 10_000) == before
    assert place(farm, inline) is Place.INLINE


@pytest.mark.parametrize("damage", ["flipped", "short", "long", "gone"])
async def test_a_hot_blob_without_a_copy_is_set_aside(farm: Farm, damage: str) -> None:
    digest, other = await put(farm.store, content(50_000)), content(60_000)
    await put(farm.store, other)
    path = layout(farm).blob(digest)
    path.chmod(0o600)
    if damage == "flipped":
        flip(path, 49_999)
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content(50_000)[:-1] if damage == "short" else content(50_000) + b"x")
    found = only(scrub(farm))
    assert (found.damage.digest, found.damage.place, found.damage.path) == (digest, Place.FILE, path)
    assert found.outcome is Outcome.LOST
    assert await farm.store.missing([digest]) == {digest}
    assert layout(farm).quarantine.joinpath(digest.hex).exists() == (damage != "gone")
    await assert_sound(farm, other)


async def test_damaged_bytes_in_the_index_are_set_aside(farm: Farm) -> None:
    digest, gone = await put(farm.store, b"some bytes"), await put(farm.store, b"others")
    values = farm.store.index.table("inline")
    await farm.store.index.write(lambda txn: values.put(txn, digest.raw, b"same bytes"))
    await farm.store.index.write(lambda txn: values.delete(txn, gone.raw))
    report = scrub(farm)
    assert report.lost == {digest, gone}
    assert {(found.damage.place, found.damage.path) for found in report.findings} == {(Place.INLINE, None)}
    await assert_sound(farm)


async def test_every_cold_blob_that_names_a_lost_chunk_goes_at_once(farm: Farm) -> None:
    layers = [layer(release) for release in range(3)]
    alone = text("alone", 400_000)
    chunks_of = {}
    for data in [*layers, alone]:
        digest = await put_cold(farm.store, data)
        chunks_of[digest] = set(Digest.split(await farm.store.chunks_of(digest)))
    shared = set.intersection(*(chunks_of[Digest.of(data)] for data in layers))
    lost = {
        record.digest for record in damage_frame(farm, next(each for each in chunks(farm) if each.digest in shared))
    }
    needing = {digest for digest, named in chunks_of.items() if named & lost}
    assert needing == {Digest.of(data) for data in layers}
    report = scrub(farm)
    assert report.lost == lost | needing
    for digest in needing:
        assert await farm.store.missing([digest]) == {digest}
        assert layout(farm).quarantine.joinpath(f"{digest.hex}.recipe").exists()
    await assert_sound(farm, alone)


async def test_blobs_of_a_pack_that_is_gone_are_lost(farm: Farm) -> None:
    digest = await put_cold(farm.store, LAYER)
    names = {record.digest for record in chunks(farm)}
    [path] = packs(farm)
    path.unlink()
    assert scrub(farm).lost == names | {digest}
    assert PackTable(farm.store.index).page(None, 10) == []
    await assert_sound(farm)


async def test_what_went_or_moved_since_it_was_listed_is_not_damaged(farm: Farm) -> None:
    gone, moved = await put(farm.store, content(50_000)), await put(farm.store, LAYER)
    records = [farm.store.blobs.get(gone), farm.store.blobs.get(moved)]
    await farm.store.delete(gone)
    farm.store.compactor.compact(moved)
    cold = farm.store.blobs.get(moved)
    [path] = packs(farm)
    pack = int(path.stem, 16)
    for record in records:
        assert record is not None
        assert farm.store.inspector.blob(record) is None
    await farm.store.delete(moved)
    assert cold is not None
    assert farm.store.inspector.blob(cold) is None
    for record in chunks(farm):
        await farm.store.delete(record.digest)
    farm.store.leftovers.remove_empty_packs()
    assert farm.store.inspector.pack(pack) == []


async def test_a_blob_that_was_stored_anew_meanwhile_is_not_set_aside(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = await put(farm.store, content(500_000))
    flip(layout(farm).blob(digest), 5)

    def heal(record: BlobRecord) -> bool:
        """Stand for a reader who finds the damage, and a client who stores the blob again."""
        farm.store.condemn(record.digest, "found by a reader")
        asyncio.run(put(farm.store, content(500_000)))
        return False

    monkeypatch.setattr(farm.store.healer, "heal", heal)
    assert (await asyncio.to_thread(scrub, farm)).findings == []
    assert await get(farm.store, digest) == content(500_000)


async def test_nothing_is_damaged_while_others_write_compact_and_collect(farm: Farm) -> None:
    """Blobs move from place to place, and go, under the eyes of a scrub."""
    layers = [layer(release, files=12) for release in range(6)]
    chance = random.Random(1)
    scrubs = 0
    stop = threading.Event()

    def scrub_on() -> None:
        nonlocal scrubs
        while not stop.is_set():
            for threads in (1, 3):
                run = Scrub(farm.store, threads=threads)
                assert run.run()
                assert run.report.findings == []
                scrubs += 1

    scrubbing = asyncio.create_task(asyncio.to_thread(scrub_on))
    rounds = 0
    while not scrubbing.done() and (rounds < 20 or scrubs < 4):
        rounds += 1
        for data in layers:
            digest = await put(farm.store, data)
            await farm.store.write_many({Digest.of(data): data for data in map(chance.randbytes, [5000] * 4)})
            await asyncio.to_thread(farm.store.compactor.compact, digest)
            if chance.random() < 0.5:
                await farm.store.delete(digest)
        farm.now += 3 * 3600
        await farm.collect()
    stop.set()
    await scrubbing
    assert farm.store.quarantined == 0
    assert rounds > 1


async def test_a_store_that_takes_no_writes_is_read_all_the_same(farm: Farm) -> None:
    digest = await put(farm.store, content(50_000))
    await put_cold(farm.store, LAYER)
    flip(layout(farm).blob(digest), 5)
    damage_frame(farm, chunks(farm)[0])
    farm.store.index.health.fail("a test")
    report = scrub(farm)
    assert {found.outcome for found in report.findings} == {Outcome.LEFT}
    assert {found.damage.place for found in report.findings} == {Place.FILE, Place.PACKED}
    assert place(farm, digest) is Place.FILE


async def test_a_scrub_that_is_stopped_goes_on_where_it_was(farm: Farm) -> None:
    for release in range(3):
        await put_cold(farm.store, layer(release))
        await put(farm.store, content(300_000 + release))
    everything = scrub(farm)
    seen, cursor, runs = ScrubReport(), Cursor(), 0
    done = False
    while not done:
        run = Scrub(farm.store, cursor=cursor)
        done = run.run(budget=1)
        assert (run.cursor.phase, run.cursor.after) > (cursor.phase, cursor.after) or done
        cursor = run.cursor
        seen.blobs += run.report.blobs
        seen.packs += run.report.packs
        seen.bytes += run.report.bytes
        runs += 1
    assert seen == everything
    assert cursor.phase is Phase.RECIPES
    assert runs > 3


async def test_units_that_need_a_lost_blob_are_named(farm: Farm) -> None:
    layers = [await farm.blob(5000 + number) for number in range(5)]
    sound = await farm.step("sound", layers[0])
    await farm.image("app:sound", layers[0])
    hit = [await farm.step("step", layers[1]), await farm.action("action", layers[2], layers[0])]
    await farm.image("app:old", layers[3])
    child = await farm.image("app:", layers[4])
    await farm.bundle("app:many", child)
    broken = await farm.blob(6000)
    await farm.step("broken before", broken)
    await farm.store.delete(broken)
    for digest in layers[1:4]:
        flip(layout(farm).blob(digest), 5)
    values = farm.store.index.table("inline")
    await farm.store.index.write(lambda txn: values.put(txn, child.raw, b"damaged"))

    report = scrub(farm)
    assert report.lost == {*layers[1:4], child}
    found = await find_casualties(farm.store, report.lost, read_action)
    named = {(each.unit.kind.name, each.unit.space, each.unit.name, each.blob) for each in found}
    assert {each for each in named if each[0] != "MANIFEST"} == {
        ("STEP", "default/app@main", str(hit[0]), layers[1]),
        ("ACTION", "default/app@main", str(hit[1]), layers[2]),
        ("TAG", "app", "old", layers[3]),
        ("TAG", "app", "many", child),
    }
    assert {each[3] for each in named if each[0] == "MANIFEST"} == {layers[3], child}
    assert farm.has_step(sound)
    assert await find_casualties(farm.store, [], read_action) == []
