from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from lamella.index import BlobRecord, PackRecord, PackTable, UsageTable
from lamella.maintenance.async_pace import AsyncPace
from lamella.maintenance.repack import repack
from lamella.model import Digest
from lamella.store import LocalStore
from lamella.store.limit import NoSpareRoom
from tests.suites.blob_store import get
from tests.unit.store.layers import flip, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from lamella.index.table import Transaction

COUNT = 20


async def put_pack(store: LocalStore, seed: int) -> dict[Digest, bytes]:
    """Store small blobs in a pack of their own."""
    blobs = [text((seed, number), 20_000) for number in range(COUNT)]
    named = {Digest.of(data): data for data in blobs}
    assert not await store.write_many(named)
    return named


def packs_of(store: LocalStore) -> list[PackRecord]:
    return PackTable(store.index).page(None, 1000)


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "packs").iterdir()}


def record_of(store: LocalStore, digest: Digest) -> BlobRecord:
    record = store.blobs.get(digest)
    assert record is not None
    return record


def on_disk(store: LocalStore) -> int:
    with store.index.read() as txn:
        return UsageTable(store.index).on_disk(txn)


async def test_what_is_in_use_moves_and_the_files_go(store: LocalStore, folder: Path) -> None:
    kept: dict[Digest, bytes] = {}
    for seed in range(3):
        blobs = await put_pack(store, seed)
        for digest in list(blobs)[4:]:
            await store.delete(digest)
        kept |= dict(list(blobs.items())[:4])
    used = {digest: record_of(store, digest).used for digest in kept}
    before, old = sum((folder / "packs" / name).stat().st_size for name in files(folder)), packs_of(store)
    assert on_disk(store) == before
    in_use = sum(record_of(store, digest).stored for digest in kept)
    assert UsageTable(store.index).rest_of_packs() == before - in_use
    done = store.repacker.repack([record.pack for record in old])
    [new] = packs_of(store)
    assert new.pack not in {record.pack for record in old}
    assert (new.blobs, len(files(folder))) == (len(kept), 1)
    assert (done.packs, done.freed) == (3, before - new.size)
    assert on_disk(store) == new.size
    for digest, data in kept.items():
        assert await get(store, digest) == data
        assert record_of(store, digest).used == used[digest]


async def test_a_blob_that_goes_or_moves_meanwhile_is_left_alone(store: LocalStore) -> None:
    gone, stored_again, *others = blobs = await put_pack(store, 1)
    [pack] = packs_of(store)
    happened = False

    def happens() -> None:
        nonlocal happened
        if not happened:
            happened = True
            loop = asyncio.new_event_loop()
            loop.run_until_complete(store.delete(gone))
            loop.run_until_complete(store.delete(stored_again))
            loop.run_until_complete(_put_alone(store, blobs[stored_again]))
            loop.close()

    await asyncio.to_thread(store.repacker.repack, [pack.pack], happens)
    [new] = packs_of(store)
    assert new.blobs == len(others)
    assert store.blobs.get(gone) is None
    assert record_of(store, stored_again).location is None
    for digest in (stored_again, *others):
        assert await get(store, digest) == blobs[digest]


async def _put_alone(store: LocalStore, data: bytes) -> None:
    async with store.writer() as writer:
        await writer.write(data)
        await writer.commit()


async def test_a_damaged_blob_stays_where_it_is(
    store: LocalStore, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blobs = await put_pack(store, 1)
    [pack] = packs_of(store)
    [name] = files(folder)
    flip(folder / "packs" / name, 1000)
    done = store.repacker.repack([pack.pack])
    assert done.packs == 0
    assert name in files(folder)
    assert "cannot be moved out of its pack" in caplog.text
    assert len(await asyncio.to_thread(store.blobs.get_many, blobs)) == COUNT


async def test_a_pack_whose_footer_is_damaged_stays(
    store: LocalStore, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await put_pack(store, 1)
    [pack] = packs_of(store)
    [name] = files(folder)
    flip(folder / "packs" / name, -3)
    assert store.repacker.repack([pack.pack]).packs == 0
    assert files(folder) == {name}
    assert "is damaged" in caplog.text


async def test_the_store_never_takes_more_while_packs_are_written_anew(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        for digest in list(await put_pack(store, seed))[1:]:
            await store.delete(digest)
    submit, taken = store.index.submit, [on_disk(store)]

    def submit_and_look(function: Callable[[Transaction], Any]) -> Future[Any]:
        future = submit(function)
        future.exception()
        taken.append(on_disk(store))
        return future

    monkeypatch.setattr(store.index, "submit", submit_and_look)
    assert store.repacker.repack([record.pack for record in packs_of(store)]).packs == 3
    assert taken == sorted(taken, reverse=True)
    assert len(taken) > 1


@pytest.mark.parametrize("room", [0, 1 << 20])
async def test_a_pack_that_would_stay_is_not_copied_above_the_limit(folder: Path, room: int) -> None:
    async with LocalStore(folder) as unlimited:
        blobs = await put_pack(unlimited, 1)
        for digest in list(blobs)[COUNT // 2 :]:
            await unlimited.delete(digest)
        full = on_disk(unlimited)
    [name] = files(folder)
    flip(folder / "packs" / name, 1000)
    async with LocalStore(folder, max_size=full + room) as store:
        [pack] = packs_of(store)
        if room:
            assert store.repacker.repack([pack.pack]).packs == 0
            assert full < on_disk(store) <= full + room
        else:
            with pytest.raises(NoSpareRoom):
                store.repacker.repack([pack.pack])
            assert (await repack(store, AsyncPace(1))).packs == 0
            assert on_disk(store) == full
            assert files(folder) == {name}
