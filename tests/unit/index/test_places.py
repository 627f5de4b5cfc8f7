from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lamella.index import BlobRecord, Blobs, Index, Location, PackRecord, PackTable, Place, Usage, UsageTable
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.index.table import Transaction
    from tests.unit.index.conftest import Clock

A, B = Digest.of(b"a"), Digest.of(b"b")
PACK = (1 << 64) - 1
AT = Location(PACK, 16, 1000, 4000, 100)


@pytest.fixture
def packs(index: Index, clock: Clock) -> PackTable:
    return PackTable(index, clock)


async def test_a_packed_blob_keeps_its_location(index: Index, blobs: Blobs, packs: PackTable, clock: Clock) -> None:
    await index.write(lambda txn: packs.put(txn, PACK, 1 << 26))
    assert await index.write(lambda txn: blobs.put_packed(txn, A, 401, AT))
    expected = BlobRecord(A, 401, Place.PACKED, int(clock.now), stored=101, location=AT)
    assert blobs.get(A) == expected
    clock.now += 10
    await blobs.touch([A])
    assert blobs.get(A) == replace(expected, used=int(clock.now))


async def test_a_blob_that_is_elsewhere_is_used_and_not_moved_to_a_pack(
    index: Index, blobs: Blobs, packs: PackTable, clock: Clock
) -> None:
    await index.write(lambda txn: packs.put(txn, PACK, 1 << 26))
    await index.write(lambda txn: blobs.put(txn, A, 3, b"abc"))
    clock.now += 10
    assert not await index.write(lambda txn: blobs.put_packed(txn, A, 3, AT))
    assert blobs.read(A) == (BlobRecord(A, 3, Place.INLINE, int(clock.now), 3), b"abc")
    assert packs.page(None, 10) == [PackRecord(PACK, 1 << 26, int(clock.now) - 10, 0, 0)]


async def test_moving_a_blob_out_of_the_index_drops_its_bytes_there(index: Index, blobs: Blobs) -> None:
    await index.write(lambda txn: blobs.put(txn, A, 3, b"abc"))
    await index.write(lambda txn: blobs.put(txn, A, 3))
    with index.read() as txn:
        assert index.table("inline").count(txn) == 0


async def test_packs_are_found_in_the_order_of_their_ids(index: Index, packs: PackTable) -> None:
    ids = [0, 1, 255, 256, 1 << 63, PACK]
    for pack in reversed(ids):
        await index.write(lambda txn, pack=pack: packs.put(txn, pack, 5))  # type: ignore[misc]
    assert [record.pack for record in packs.page(None, 10)] == ids
    assert [record.pack for record in packs.page(1, 2)] == [255, 256]
    assert await index.write(lambda txn: packs.remove(txn, 0))
    assert not await index.write(lambda txn: packs.remove(txn, 0))


async def test_totals_always_agree_with_the_records(index: Index, blobs: Blobs, packs: PackTable) -> None:
    rng = random.Random(7)
    digests = [Digest.of(b"%d" % n) for n in range(12)]
    for pack in (1, 2):
        await index.write(lambda txn, pack=pack: packs.put(txn, pack, 100))  # type: ignore[misc]

    def change(txn: Transaction) -> None:
        digest, size = rng.choice(digests), rng.randrange(1, 4000)
        location = Location(rng.choice([1, 2]), 0, 500, 4000, 0)
        changes: list[Callable[[], object]] = [
            partial(blobs.put, txn, digest, size),
            partial(blobs.put, txn, digest, size, b"x" * size),
            partial(blobs.put_packed, txn, digest, size, location),
            partial(blobs.move, txn, BlobRecord(digest, size, Place.RECIPE, 0, 7)),
            partial(blobs.remove, txn, digest),
            partial(blobs.use, txn, digest),
        ]
        rng.choice(changes)()

    await asyncio.gather(*(index.write(change) for _ in range(300)))
    records = blobs.page(None, 100)
    for place, usage in UsageTable(index).all().items():
        there = [record for record in records if record.place is place]
        assert usage == Usage(len(there), sum(record.size for record in there), sum(record.stored for record in there))
    for found in packs.page(None, 10):
        there = [record for record in records if record.location is not None and record.location.pack == found.pack]
        assert (found.blobs, found.live) == (len(there), sum(record.stored for record in there))
    with index.read() as txn:
        assert UsageTable(index).stored(txn) == sum(record.stored for record in records)
        on_disk = UsageTable(index).on_disk(txn)
    assert on_disk == UsageTable(index).rest_of_packs() + sum(record.stored for record in records)
