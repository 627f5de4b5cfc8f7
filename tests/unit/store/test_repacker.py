from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lamella.index import BlobRecord, PackRecord, PackTable, UsageTable
from lamella.model import Digest
from tests.suites.blob_store import get
from tests.unit.store.layers import flip, text

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from lamella.store import LocalStore

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
