from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lamella.index import BlobRecord, PackTable, Place
from lamella.maintenance.scrub import Outcome
from lamella.model import Digest
from lamella.store import reindex
from tests.suites.blob_store import content
from tests.unit.maintenance.damage import LAYER, assert_sound, chunks, damage_frame, layout, only, packs, place, scrub
from tests.unit.store.layers import flip, layer, put_cold

if TYPE_CHECKING:
    from tests.unit.maintenance.farm import Farm


async def test_a_hot_blob_is_healed_by_its_recipe(farm: Farm) -> None:
    digest = await put_cold(farm.store, LAYER)
    path = layout(farm).blob(digest)
    path.write_bytes(LAYER)
    hot = BlobRecord(digest, len(LAYER), Place.FILE, 77, len(LAYER))
    await farm.store.index.write(lambda txn: farm.store.blobs.move(txn, hot))
    flip(path, 100_000)
    found = only(scrub(farm))
    assert (found.damage.digest, found.outcome) == (digest, Outcome.HEALED)
    record = farm.store.blobs.get(digest)
    assert record is not None
    assert (record.place, record.used) == (Place.RECIPE, 77)
    assert not path.exists()
    await assert_sound(farm, LAYER)


@pytest.mark.parametrize("damage", ["flipped", "gone"])
async def test_a_recipe_is_healed_by_a_whole_copy(farm: Farm, damage: str) -> None:
    digest = await put_cold(farm.store, LAYER)
    layout(farm).blob(digest).write_bytes(LAYER)
    recipe = layout(farm).recipe(digest)
    if damage == "flipped":
        flip(recipe, recipe.stat().st_size - 10)
    else:
        recipe.unlink()
    found = only(scrub(farm))
    assert (found.damage.digest, found.damage.place, found.damage.path) == (digest, Place.RECIPE, recipe)
    assert found.outcome is Outcome.HEALED
    assert place(farm, digest) is Place.FILE
    assert not recipe.exists()
    await assert_sound(farm, LAYER)


async def test_a_whole_copy_that_is_damaged_too_heals_nothing(farm: Farm) -> None:
    digest = await put_cold(farm.store, LAYER)
    layout(farm).blob(digest).write_bytes(LAYER[:-1] + b"x")
    flip(layout(farm).recipe(digest), 20)
    assert only(scrub(farm)).outcome is Outcome.LOST
    await assert_sound(farm)


async def test_chunks_are_healed_by_another_pack(farm: Farm) -> None:
    await put_cold(farm.store, LAYER)
    [path] = packs(farm)
    shutil.copyfile(path, path.with_name(f"{'5' * 16}.pack"))
    frame = damage_frame(farm, chunks(farm)[-1])
    report = scrub(farm)
    assert {found.damage.digest for found in report.findings} == {record.digest for record in frame}
    at = frame[0].location
    assert at is not None
    assert {(found.damage.path, found.damage.offset) for found in report.findings} == {(path, at.frame_offset)}
    assert {found.outcome for found in report.findings} == {Outcome.HEALED}
    assert not path.exists()
    await assert_sound(farm, LAYER)


async def test_a_chunk_is_healed_by_a_file_that_equals_it(farm: Farm) -> None:
    blobs = {Digest.of(data): data for data in (content(size) for size in range(4100, 8100, 1000))}
    await farm.store.write_many(blobs)
    frame = damage_frame(farm, chunks(farm)[0])
    for record in frame:
        layout(farm).blob(record.digest).write_bytes(blobs[record.digest])
    report = scrub(farm)
    assert {found.outcome for found in report.findings} == {Outcome.HEALED}
    assert len(report.findings) == len(frame)
    await assert_sound(farm, *blobs.values())


async def test_a_chunk_is_healed_by_the_whole_copy_of_a_cold_blob_that_has_it(farm: Farm) -> None:
    digest, other = await put_cold(farm.store, LAYER), layer(1)
    await put_cold(farm.store, other)
    layout(farm).blob(digest).write_bytes(LAYER)
    named = Digest.split(await farm.store.chunks_of(digest))
    lost = damage_frame(farm, next(record for record in chunks(farm) if record.digest in named))
    report = scrub(farm)
    assert {found.damage.digest for found in report.findings} == {record.digest for record in lost}
    assert {found.outcome for found in report.findings} == {Outcome.HEALED}
    await assert_sound(farm, LAYER, other)


async def test_small_blobs_in_files_and_in_the_index_are_healed_by_packs(farm: Farm) -> None:
    blobs = {Digest.of(data): data for data in (content(size) for size in range(4100, 8100, 1000))}
    await farm.store.write_many(blobs)
    hot, inline, *_ = blobs
    await farm.store.index.write(lambda txn: farm.store.blobs.put(txn, hot, len(blobs[hot])))
    await farm.store.index.write(lambda txn: farm.store.blobs.put(txn, inline, len(blobs[inline]), b"damaged"))
    layout(farm).blob(hot).write_bytes(b"damaged")
    report = scrub(farm)
    assert {found.damage.digest: found.outcome for found in report.findings} == dict.fromkeys(
        [hot, inline], Outcome.HEALED
    )
    assert not layout(farm).blob(hot).exists()
    await assert_sound(farm, *blobs.values())


@pytest.mark.parametrize("offset", [0, -1, -40, -60])
async def test_a_pack_whose_start_or_end_is_damaged_is_written_anew(farm: Farm, offset: int) -> None:
    digest = await put_cold(farm.store, LAYER)
    [path] = packs(farm)
    flip(path, offset)
    found = only(scrub(farm))
    assert (found.damage.digest, found.damage.path, found.outcome) == (None, path, Outcome.REWRITTEN)
    assert [old.name.partition("-")[0] for old in layout(farm).quarantine.iterdir()] == [path.name]
    await assert_sound(farm, LAYER)
    farm.store.close()
    report = reindex(farm.folder)
    assert (report.adopted, report.lost, report.quarantined) == (0, 0, 0)
    farm.open()
    assert place(farm, digest) is Place.RECIPE


async def test_damage_that_no_blob_has_is_told_and_done_away_with(farm: Farm) -> None:
    blobs = {Digest.of(data): data for data in (content(size) for size in range(100_000, 180_000, 20_000))}
    await farm.store.write_many(blobs)
    dead = chunks(farm)[0]
    damaged = damage_frame(farm, dead)
    for record in damaged:
        await farm.store.delete(record.digest)
    report = scrub(farm)
    assert [(found.damage.digest, found.outcome) for found in report.findings] == [(None, Outcome.REWRITTEN)] * len(
        damaged
    )
    gone = {record.digest for record in damaged}
    assert len(gone) < len(blobs)
    await assert_sound(farm, *(data for digest, data in blobs.items() if digest not in gone))


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_record_that_points_elsewhere_than_the_pack_says_is_put_right(farm: Farm, forgotten: bool) -> None:
    blobs = {Digest.of(data): data for data in (content(size) for size in range(4100, 8100, 1000))}
    await farm.store.write_many(blobs)
    first, second, *_ = chunks(farm)
    assert first.location is not None
    table = PackTable(farm.store.index)
    if forgotten:
        await farm.store.index.write(lambda txn: table.remove(txn, first.location.pack))  # type: ignore[union-attr]
    else:
        wrong = BlobRecord(first.digest, first.size, Place.PACKED, 0, first.stored, second.location)
        await farm.store.index.write(lambda txn: farm.store.blobs.move(txn, wrong))
    assert scrub(farm).count(Outcome.LOST) == 0
    await assert_sound(farm, *blobs.values())
