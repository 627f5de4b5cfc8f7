from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from lamella.index import Place
from lamella.maintenance.compact import compact
from lamella.maintenance.pace import Pace, Stopped
from lamella.maintenance.warm import WarmReport, warm
from lamella.server.config import ServerConfig
from lamella.server.store import open_store
from lamella.store import LocalStore
from lamella.store.reads import PLAIN_FACTOR, Reads
from tests.suites.blob_store import get
from tests.unit.store.layers import flip, layer, put_cold
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lamella.model import Digest

COLD_AFTER = 3600.0
MINUTE = 60.0
LAYERS = [compressed(layer(release, files=36), "go-1.26") for release in range(3)]


@pytest.fixture
def reads() -> Reads:
    return Reads(2, COLD_AFTER)


@pytest_asyncio.fixture
async def store(tmp_path: Path, reads: Reads) -> AsyncIterator[LocalStore]:
    async with LocalStore(tmp_path / "store", reads=reads) as store:
        yield store


def place_of(store: LocalStore, digest: Digest) -> Place:
    return store.blobs.get_many([digest])[digest].place


async def read_twice(store: LocalStore) -> list[Digest]:
    digests = [await put_cold(store, data) for data in LAYERS]
    for digest in digests[1:] * 2:
        await get(store, digest)
    return digests


async def test_what_is_read_often_becomes_hot(store: LocalStore, reads: Reads) -> None:
    digests = await read_twice(store)
    assert warm(store, reads, Pace(1)) == WarmReport(2, len(LAYERS[1]) + len(LAYERS[2]))
    assert [place_of(store, digest) for digest in digests] == [Place.RECIPE, Place.FILE, Place.FILE]
    assert [await get(store, digest) for digest in digests] == LAYERS
    assert warm(store, reads, Pace(1)) == WarmReport()


async def test_what_is_damaged_does_not_keep_the_others_cold(store: LocalStore, reads: Reads, tmp_path: Path) -> None:
    digests = await read_twice(store)
    bad = digests[1]
    flip(tmp_path / "store" / "recipes" / "sha256" / bad.hex[:2] / bad.hex, 100)
    assert warm(store, reads, Pace(1)) == WarmReport(1, len(LAYERS[2]), 1)
    assert await store.missing(digests) == {bad}


async def test_without_room_it_stays_cold_until_it_is_read_again(tmp_path: Path, reads: Reads) -> None:
    most = 3 * sum(map(len, LAYERS))
    async with LocalStore(tmp_path / "store", reads=reads, max_size=most) as store:
        digests = await read_twice(store)
        assert store.limit is not None
        store.limit.most = store.limit.stored
        assert warm(store, reads, Pace(1)) == WarmReport(failed=2)
        store.limit.most = most
        assert warm(store, reads, Pace(1)) == WarmReport()
        for digest in digests[1:] * 2:
            assert await get(store, digest) in LAYERS
        assert warm(store, reads, Pace(1)).blobs == 2


async def test_it_stops_when_it_is_told_to(store: LocalStore, reads: Reads) -> None:
    digests = await read_twice(store)
    pace = Pace(1)
    pace.stop()
    with pytest.raises(Stopped):
        warm(store, reads, pace)
    assert {place_of(store, digest) for digest in digests} == {Place.RECIPE}
    assert [await get(store, digest) for digest in digests] == LAYERS


@pytest.mark.parametrize("interval", [MINUTE, 20 * MINUTE, 44 * MINUTE])
async def test_what_is_hot_again_stays_so_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: float
) -> None:
    """Blobs turn cold by their last use as it is written down: that may be late, but not as late as they turn cold."""
    now = 1_000_000.0
    async with open_store(ServerConfig(tmp_path / "store", cold_after=COLD_AFTER)) as store:
        monkeypatch.setattr(store.blobs, "clock", lambda: now)
        digest = await put_cold(store, LAYERS[0])
        assert store.reads is not None
        for _ in range(2):
            await get(store, digest)
        assert warm(store, store.reads, Pace(1)).blobs == 1
        while now < 1_000_000 + 6 * COLD_AFTER:
            assert compact(store, COLD_AFTER, Pace(1)).blobs == 0
            now += MINUTE
            if (now - 1_000_000) % interval == 0:
                await get(store, digest)
                await store.index.write(lambda _: None)
        read_last = now
        while not compact(store, COLD_AFTER, Pace(1)).blobs:
            now += MINUTE
        assert now - read_last + interval >= COLD_AFTER * 0.7
        assert now - read_last <= COLD_AFTER


async def test_what_is_read_less_often_than_it_turns_cold_stays_cold(tmp_path: Path) -> None:
    now = 1_000_000.0
    reads = Reads(2, COLD_AFTER, clock=lambda: now)
    async with LocalStore(tmp_path / "store", reads=reads, clock=lambda: now) as store:
        digest = await put_cold(store, LAYERS[0])
        for _ in range(5 * PLAIN_FACTOR):
            now += COLD_AFTER + MINUTE
            await get(store, digest)
            assert warm(store, reads, Pace(1)) == WarmReport()
