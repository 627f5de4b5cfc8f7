from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from lamella.errors import StorageFull
from lamella.model import Digest
from lamella.store import LocalStore
from lamella.store.cold_writer import CannotTurnCold
from lamella.store.limit import NoSpareRoom, SizeLimit
from lamella.store.protocol import BlobInfo
from tests.suites.blob_store import content, get, put
from tests.unit.store.layers import layer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MOST = 100_000


@pytest_asyncio.fixture
async def limited(folder: Path) -> AsyncIterator[LocalStore]:
    async with LocalStore(folder, max_size=MOST) as store:
        yield store


def limit_of(store: LocalStore) -> SizeLimit:
    assert store.limit is not None
    return store.limit


async def pressed(limit: SizeLimit) -> None:
    await asyncio.wait_for(limit.pressed.wait(), 30)


@pytest.mark.parametrize("size", [100, 10_000])
async def test_a_blob_waits_until_there_is_room(limited: LocalStore, size: int) -> None:
    first = await put(limited, content(MOST - 50, 1))
    waiting = asyncio.create_task(put(limited, content(size, 2)))
    await pressed(limit_of(limited))
    assert limit_of(limited).is_high
    await limited.delete(first)
    await waiting
    assert limit_of(limited).stored == size
    assert not limit_of(limited).is_high


async def test_a_blob_that_is_there_needs_no_room(limited: LocalStore) -> None:
    small, large = content(100, 1), content(MOST - 100, 2)
    await put(limited, small)
    await put(limited, large)
    assert limit_of(limited).stored == MOST
    await put(limited, small)
    await put(limited, large)


async def test_a_blob_that_can_never_fit_is_refused_at_once(limited: LocalStore) -> None:
    with pytest.raises(StorageFull, match=f"limited to {MOST} bytes, the blob has {MOST + 1}"):
        await put(limited, content(MOST + 1, 1))


async def test_patience_ends_with_the_limit_named(limited: LocalStore) -> None:
    limit = SizeLimit(limited.index, MOST, patience=0.1)
    await put(limited, content(MOST, 1))
    with pytest.raises(StorageFull, match=f"limited to {MOST} bytes and holds {MOST}"):
        async with limit.room(1):
            pytest.fail("there is no room")
    assert not limit.pressed.is_set()


async def test_those_who_store_at_once_share_the_room(limited: LocalStore) -> None:
    async def store(seed: int) -> None:
        await put(limited, content(30_000, seed))

    tasks = [asyncio.create_task(store(seed)) for seed in range(5)]
    await pressed(limit_of(limited))
    while sum(task.done() for task in tasks) < 3:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.01)
    assert limit_of(limited).stored == 90_000
    waiting = [task for task in tasks if not task.done()]
    assert len(waiting) == 2
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    await put(limited, content(10_000, 9))


@pytest.mark.parametrize("room", [0, 1000])
async def test_a_blob_whose_chunks_do_not_fit_beside_it_stays_hot(folder: Path, room: int) -> None:
    data = layer()
    async with LocalStore(folder, max_size=len(data) + room) as store:
        digest = await put(store, data)
        with pytest.raises(CannotTurnCold, match="no room"):
            await asyncio.to_thread(store.compactor.compact, digest)
        assert limit_of(store).stored == len(data)
        assert await get(store, digest) == data
        assert [*(folder / "packs").iterdir(), *(folder / "temporary").iterdir()] == []
    async with LocalStore(folder, max_size=2 * len(data)) as store:
        outcome = await asyncio.to_thread(store.compactor.compact, digest)
        assert outcome is not None
        assert limit_of(store).stored == outcome.stored < len(data)


async def test_work_that_can_wait_takes_no_room_that_a_blob_waits_for(limited: LocalStore) -> None:
    limit = limit_of(limited)
    first = await put(limited, content(MOST - 50, 1))
    with limit.spare(50), pytest.raises(NoSpareRoom), limit.spare(1):
        pytest.fail("there is no room")
    with limit.spare(1), pytest.raises(NoSpareRoom), limit.spare(1, 0.9):
        pytest.fail("there is no room below nine tenths of the limit")
    waiting = asyncio.create_task(put(limited, content(60, 2)))
    await pressed(limit)
    with pytest.raises(NoSpareRoom), limit.spare(1):
        pytest.fail("a blob waits")
    await limited.delete(first)
    await waiting
    with limit.spare(1):
        pass


async def test_a_blob_that_is_put_together_of_chunks_waits_for_room_for_its_recipe(limited: LocalStore) -> None:
    data = [content(20_000, 1), content(20_000, 2)]
    pieces = [BlobInfo(await put(limited, piece), len(piece)) for piece in data]
    filler = await put(limited, content(MOST - 40_000, 3))
    blob = BlobInfo(Digest.of(b"".join(data)), 40_000)
    splicing = asyncio.create_task(limited.chunk_lists.splice(blob, pieces))
    await pressed(limit_of(limited))
    assert limit_of(limited).stored == MOST
    await limited.delete(filler)
    assert await splicing
    assert 40_000 < limit_of(limited).stored < 41_000
    assert await get(limited, blob.digest) == b"".join(data)
