"""Blobs that are what others hold compressed: there with these, used with these, gone with these."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lamella.index import (
    BlobRecord,
    Blobs,
    ContentRecord,
    Contents,
    Index,
    LayerRecord,
    Layers,
    Location,
    PackTable,
    Place,
)
from lamella.model import EMPTY, Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.index.table import Transaction
    from tests.unit.index.conftest import Clock

SOURCE, OTHER, TAR = Digest.of(b"gzip"), Digest.of(b"zstd"), Digest.of(b"tar")
CONTENT = ContentRecord(TAR, 900)


async def put(index: Index, blobs: Blobs, *sources: Digest) -> None:
    for source in sources:
        await index.write(lambda txn, source=source: blobs.put(txn, source, 5000))  # type: ignore[misc]


async def learn(index: Index, blobs: Blobs, source: Digest = SOURCE, content: ContentRecord = CONTENT) -> bool:
    return await index.write(lambda txn: blobs.put_content(txn, source, content))


async def test_what_a_blob_holds_is_a_blob_and_that_is_no_use(index: Index, blobs: Blobs, clock: Clock) -> None:
    await put(index, blobs, SOURCE)
    stored = blobs.get(SOURCE)
    began = int(clock.now)
    clock.now += 50_000
    assert await learn(index, blobs)
    assert blobs.get(TAR) == BlobRecord(TAR, 900, Place.INFLATED, began, 0, source=SOURCE)
    assert blobs.get(SOURCE) == stored
    assert Contents(index).get(SOURCE) == CONTENT
    assert blobs.inflated_from(SOURCE) == blobs.get(TAR)
    assert blobs.inflated_from(TAR) is None


async def test_a_use_of_it_is_one_of_its_source(index: Index, blobs: Blobs, clock: Clock) -> None:
    await put(index, blobs, SOURCE)
    await learn(index, blobs)
    clock.now += 50_000
    assert await blobs.touch([TAR]) == set()
    assert [record.used for record in blobs.page(None, 3)] == [int(clock.now)] * 2


async def test_it_goes_with_its_source(index: Index, blobs: Blobs) -> None:
    await put(index, blobs, SOURCE)
    await learn(index, blobs)
    for digest in (SOURCE, TAR):
        await Layers(index).put(digest, LayerRecord(TAR, 900))
    await index.write(lambda txn: blobs.remove(txn, SOURCE))
    assert blobs.count() == 0
    assert (Contents(index).get(SOURCE), Layers(index).get(SOURCE), Layers(index).get(TAR)) == (None, None, None)


async def test_it_may_go_alone_and_come_back(index: Index, blobs: Blobs) -> None:
    await put(index, blobs, SOURCE)
    await learn(index, blobs)
    await index.write(lambda txn: blobs.remove(txn, TAR))
    assert [record.digest for record in blobs.page(None, 3)] == [SOURCE]
    assert await learn(index, blobs)


async def test_a_blob_that_is_there_stays_as_it_is(index: Index, blobs: Blobs) -> None:
    await put(index, blobs, SOURCE, OTHER, TAR)
    stored = blobs.get(TAR)
    assert not await learn(index, blobs)
    await index.write(lambda txn: blobs.remove(txn, SOURCE))
    assert blobs.get(TAR) == stored


async def test_it_stays_with_its_first_source(index: Index, blobs: Blobs) -> None:
    await put(index, blobs, SOURCE, OTHER)
    assert await learn(index, blobs)
    assert not await learn(index, blobs, OTHER)
    await index.write(lambda txn: blobs.remove(txn, OTHER))
    assert blobs.inflated_from(SOURCE) is not None


async def test_nothing_is_learnt_of_a_blob_that_is_gone_or_itself_inflated(index: Index, blobs: Blobs) -> None:
    assert not await learn(index, blobs)
    assert Contents(index).get(SOURCE) is None
    await put(index, blobs, SOURCE)
    await learn(index, blobs)
    assert not await learn(index, blobs, TAR, ContentRecord(Digest.of(b"inner"), 3))
    assert blobs.count() == 2


@pytest.mark.parametrize("other", [ContentRecord(None), ContentRecord(Digest.of(b"other"), 3)])
async def test_what_is_known_and_inflated_stays_known(index: Index, blobs: Blobs, other: ContentRecord) -> None:
    """It could not go with its source otherwise."""
    await put(index, blobs, SOURCE)
    await learn(index, blobs)
    assert not await learn(index, blobs, content=other)
    assert Contents(index).get(SOURCE) == CONTENT
    await index.write(lambda txn: blobs.remove(txn, SOURCE))
    assert blobs.count() == 0


async def test_neither_the_empty_content_nor_none_is_a_blob(index: Index, blobs: Blobs) -> None:
    await put(index, blobs, SOURCE)
    for content in (ContentRecord(EMPTY), ContentRecord(None)):
        assert not await learn(index, blobs, content=content)
        assert Contents(index).get(SOURCE) == content
    assert blobs.count() == 1


async def test_its_own_bytes_take_its_place(index: Index, blobs: Blobs) -> None:
    await put(index, blobs, SOURCE)
    await learn(index, blobs)
    await index.write(lambda txn: PackTable(index).put(txn, 1, 100))
    assert await index.write(lambda txn: blobs.put_packed(txn, TAR, 900, Location(1, 0, 500, 4000, 0)))
    assert blobs.inflated_from(SOURCE) is None
    await index.write(lambda txn: blobs.remove(txn, SOURCE))
    assert [record.place for record in blobs.page(None, 3)] == [Place.PACKED]


async def test_none_is_ever_without_its_source(index: Index, blobs: Blobs, clock: Clock) -> None:
    rng = random.Random(11)
    digests = [Digest.of(b"%d" % n) for n in range(8)]
    # Nothing can hold what holds it.
    holds = {digest: digests[place + 1 :] for place, digest in enumerate(digests[:-1])}
    facts = {digest: ContentRecord(rng.choice(held), 7) for digest, held in holds.items()}

    def change(txn: Transaction) -> None:
        digest, source = rng.choice(digests), rng.choice(digests[:-1])
        changes: list[Callable[[], object]] = [
            partial(blobs.put, txn, digest, 10),
            partial(blobs.put_content, txn, source, facts[source]),
            partial(blobs.remove, txn, digest),
            partial(blobs.use, txn, digest),
        ]
        clock.now += 5
        rng.choice(changes)()
        records = {record.digest: record for record in map(partial(blobs.find, txn), digests) if record is not None}
        for record in records.values():
            if record.source is not None:
                assert record.place is Place.INFLATED
                assert records[record.source].place is not Place.INFLATED
                assert records[record.source].used >= record.used
                assert facts[record.source].digest == record.digest

    await asyncio.gather(*(index.write(change) for _ in range(600)))
