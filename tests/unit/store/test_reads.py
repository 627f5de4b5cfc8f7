from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from lamella.index import Place
from lamella.store import BUFFER_SIZE, LocalStore
from lamella.store import reads as module
from lamella.store.reads import PLAIN_FACTOR, Reads
from lamella.store.uncounted import UncountedStore
from tests.suites.blob_store import get
from tests.unit.store.layers import layer, put_cold
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PERIOD = 1000.0
PLAIN = layer()
ZIPPED = compressed(layer(files=36), "go-1.26")


class Clock:
    now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reads(clock: Clock) -> Reads:
    return Reads(2, PERIOD, clock=clock)


@pytest_asyncio.fixture
async def store(folder: Path, reads: Reads) -> AsyncIterator[LocalStore]:
    async with LocalStore(folder, reads=reads) as store:
        yield store


@pytest.mark.parametrize(("data", "needed"), [(ZIPPED, 2), (PLAIN, 2 * PLAIN_FACTOR)])
async def test_a_blob_is_due_after_so_many_whole_reads(
    store: LocalStore, reads: Reads, data: bytes, needed: int
) -> None:
    digest = await put_cold(store, data)
    for _ in range(needed - 1):
        await get(store, digest)
    assert reads.due() == []
    await get(store, digest)
    assert reads.due() == [digest]
    assert reads.due() == []


async def test_ranges_add_up_to_whole_reads(store: LocalStore, reads: Reads) -> None:
    digest = await put_cold(store, PLAIN)
    half = len(PLAIN) // 2
    for _ in range(2 * PLAIN_FACTOR):
        await get(store, digest, 0, half)
    assert reads.due() == []
    for _ in range(2 * PLAIN_FACTOR):
        await get(store, digest, half, None)
    assert reads.due() == [digest]


async def test_a_range_that_an_encoder_makes_counts_from_the_start(store: LocalStore, reads: Reads) -> None:
    digest = await put_cold(store, ZIPPED)
    for _ in range(3):
        await get(store, digest, 0, 100)
    assert reads.due() == []
    for _ in range(2):
        await get(store, digest, len(ZIPPED) - 1, 1)
    assert reads.due() == [digest]


async def test_a_read_that_is_given_up_counts_for_what_it_was(store: LocalStore, reads: Reads) -> None:
    data = layer(files=60)
    assert len(data) > BUFFER_SIZE
    digest = await put_cold(store, data)
    received = 0
    while received < 2 * PLAIN_FACTOR * len(data):
        assert reads.due() == []
        async with aclosing(store.open(digest)) as buffers:
            received += memoryview(await anext(buffers)).nbytes
    assert reads.due() == [digest]


async def test_reads_count_within_a_period(store: LocalStore, reads: Reads, clock: Clock) -> None:
    digest = await put_cold(store, ZIPPED)
    for _ in range(4):
        await get(store, digest)
        clock.now += PERIOD + 1
        assert reads.due() == []
    await get(store, digest)
    clock.now += PERIOD - 1
    await get(store, digest)
    assert reads.due() == [digest]


async def test_the_rest_of_a_read_long_ago_counts_no_more(store: LocalStore, reads: Reads, clock: Clock) -> None:
    digest = await put_cold(store, ZIPPED)
    await get(store, digest, 0, len(ZIPPED) - 1)
    clock.now += PERIOD + 1
    await get(store, digest)
    await get(store, digest, 0, len(ZIPPED) - 1)
    assert reads.due() == []


async def test_neither_hot_blobs_nor_maintenance_count(store: LocalStore, reads: Reads) -> None:
    digest = await put_cold(store, ZIPPED)
    for _ in range(3):
        await get(UncountedStore(store), digest)
    assert reads.due() == []
    assert store.warmer.warm(digest) == len(ZIPPED)
    for _ in range(3):
        await get(store, digest)
    record = store.blobs.get(digest)
    assert record is not None
    assert record.place is Place.FILE
    assert reads.due() == []


async def test_only_so_many_blobs_are_counted(store: LocalStore, reads: Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BLOBS", 2)
    digests = [await put_cold(store, compressed(layer(release, files=36), "go-1.26")) for release in range(3)]
    for _ in range(2):
        for digest in digests:
            await get(store, digest)
    assert reads.due() == []
    for digest in digests[1:] * 2:
        await get(store, digest)
    assert set(reads.due()) == set(digests[1:])


def test_no_read_is_not_enough() -> None:
    with pytest.raises(ValueError, match="at least once"):
        Reads(0, PERIOD)
