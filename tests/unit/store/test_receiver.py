"""Blobs that reach the store as a recipe and the chunks that are new."""

from __future__ import annotations

import asyncio
import gzip
import random
from typing import TYPE_CHECKING

import pytest

from lamella.errors import MissingChunks, StorageFull
from lamella.index import Place
from lamella.model import Digest
from lamella.store import LocalStore
from tests.suites.blob_store import content, get, put
from tests.unit.store.layers import layer
from tests.unit.store.recipes import add_all, put_as_recipe, receive
from tests.unit.store.test_limit import limit_of, pressed

if TYPE_CHECKING:
    from pathlib import Path

TAR = layer()
NOISE = b"".join(random.Random(number).randbytes(100_000) for number in range(20))


def place_of(store: LocalStore, data: bytes) -> Place | None:
    record = store.blobs.get(Digest.of(data))
    return None if record is None else record.place


async def test_what_is_committed_is_cold_and_survives(folder: Path, tmp_path: Path) -> None:
    async with LocalStore(folder) as store:
        await put_as_recipe(store, TAR, tmp_path)
        assert place_of(store, TAR) is Place.RECIPE
    async with LocalStore(folder) as store:
        assert await get(store, Digest.of(TAR)) == TAR


async def test_what_is_not_committed_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    async with receive(store, TAR, tmp_path) as incoming:
        await add_all(incoming, TAR)
    assert store.blobs.count() == 0
    store.index.submit(lambda _: None).result()
    assert not list((tmp_path / "store/packs").iterdir())


async def test_a_blob_that_is_found_in_another_meanwhile_counts_as_used(folder: Path, tmp_path: Path) -> None:
    now = 1_800_000_000.0
    async with LocalStore(folder, clock=lambda: now) as store:
        source = await put(store, gzip.compress(TAR, mtime=0))
        now += 1_000_000
        async with receive(store, TAR, tmp_path) as incoming:
            await add_all(incoming, TAR)
            assert await asyncio.to_thread(store.examiner.examine, source)
            await store.receiver.commit(incoming)
        used = [record.used for record in store.blobs.get_many([Digest.of(TAR), source]).values()]
        assert used == [now, now]


async def test_chunks_that_were_not_added_are_named(store: LocalStore, tmp_path: Path) -> None:
    async with receive(store, TAR, tmp_path) as incoming:
        with pytest.raises(MissingChunks) as caught:
            await store.receiver.commit(incoming)
    assert caught.value.chunks
    assert caught.value.chunks <= {chunk.digest for chunk in incoming.wanted}
    assert place_of(store, TAR) is None


async def test_a_blob_waits_until_there_is_room(folder: Path, tmp_path: Path) -> None:
    async with LocalStore(folder, max_size=4_000_000) as store:
        first = await put(store, content(3_000_000, 1))
        waiting = asyncio.create_task(put_as_recipe(store, NOISE, tmp_path))
        await pressed(limit_of(store))
        await asyncio.sleep(0.2)
        assert store.blobs.count() == 1
        await store.delete(first)
        await waiting
        assert place_of(store, NOISE) is Place.RECIPE
        assert limit_of(store).stored < 1.01 * len(NOISE)


async def test_room_is_kept_while_chunks_come(folder: Path, tmp_path: Path) -> None:
    async with LocalStore(folder, max_size=4_000_000) as store:
        async with receive(store, NOISE, tmp_path) as incoming:
            other = asyncio.create_task(put(store, content(3_000_000, 1)))
            await pressed(limit_of(store))
            await add_all(incoming, NOISE)
            await store.receiver.commit(incoming)
            assert not other.done()
        other.cancel()


async def test_a_blob_that_can_never_fit_is_refused_at_once(folder: Path, tmp_path: Path) -> None:
    async with LocalStore(folder, max_size=len(NOISE)) as store:
        with pytest.raises(StorageFull, match=f"limited to {len(NOISE)} bytes"):
            async with receive(store, NOISE, tmp_path):
                pass


async def test_what_is_there_needs_no_room(folder: Path, tmp_path: Path) -> None:
    async with LocalStore(folder, max_size=3_000_000) as store:
        await put_as_recipe(store, NOISE, tmp_path)
        await put(store, content(900_000, 1))
        await put_as_recipe(store, NOISE, tmp_path)
