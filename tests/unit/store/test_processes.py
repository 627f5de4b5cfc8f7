from __future__ import annotations

import asyncio
import multiprocessing
import random
from typing import TYPE_CHECKING

from lamella.errors import NotFound
from lamella.index import Place
from lamella.model import Digest
from lamella.store import LocalStore
from tests.suites.blob_store import content, get, listed, put

if TYPE_CHECKING:
    from pathlib import Path

BLOBS = [content(size, seed) for seed in range(4) for size in (10, 10_000, 300_000)]


def _work(folder: Path, seed: int) -> None:
    """Write, read and delete the same few blobs as the other processes do."""
    chance = random.Random(seed)

    async def use(store: LocalStore) -> None:
        for _ in range(40):
            data = chance.choice(BLOBS)
            digest = Digest.of(data)
            action = chance.random()
            if action < 0.5:
                assert await put(store, data) == digest
            elif action < 0.8:
                try:
                    assert await get(store, digest) == data
                except NotFound:
                    continue
            else:
                await store.delete(digest)

    async def run() -> None:
        async with LocalStore(folder) as store:
            await asyncio.gather(*(use(store) for _ in range(4)))

    asyncio.run(run())


async def test_processes_share_a_store_and_lose_nothing(folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_work, args=(folder, seed)) for seed in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await asyncio.to_thread(worker.join)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    async with LocalStore(folder) as store:
        stored = {digest for digest, _ in await listed(store)}
        for digest in stored:
            assert Digest.of(await get(store, digest)) == digest
        files = {path.name for path in (folder / "blobs").rglob("*") if path.is_file()}
        assert files == {digest.hex for digest in stored if store.blobs.get_many([digest])[digest].place is Place.FILE}
        for data in BLOBS:
            await put(store, data)
        assert len(await listed(store)) == len(BLOBS)


def _put_one(folder: Path) -> None:
    async def run() -> None:
        async with LocalStore(folder) as store:
            await put(store, content(10_000))

    asyncio.run(run())


async def test_a_blob_of_another_process_is_visible_at_once(store: LocalStore, folder: Path) -> None:
    digest = Digest.of(content(10_000))
    assert await store.missing([digest]) == {digest}
    other = multiprocessing.get_context("spawn").Process(target=_put_one, args=(folder,))
    other.start()
    await asyncio.to_thread(other.join)
    assert await get(store, digest) == content(10_000)


def _open(folder: Path) -> None:
    LocalStore(folder).close()


async def test_processes_may_make_a_store_together(folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_open, args=(folder,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await asyncio.to_thread(worker.join)
    assert [worker.exitcode for worker in workers] == [0] * 4
