from __future__ import annotations

import asyncio
import gzip
import threading
from typing import TYPE_CHECKING

import pytest

from lamella._core import read_pack_footer
from lamella.errors import Corrupted, NotFound, ReadOnly, StorageFull
from lamella.index import INLINE_MAX, PackTable, Place
from lamella.model import Digest
from lamella.store import pack_contents
from lamella.store.layout import Layout
from lamella.store.pack_contents import PackContents
from lamella.store.packer import PACKED_LEAST, PACKED_MAX
from lamella.store.packs import NewPack, Packs
from tests.suites.blob_store import content, get, listed, put
from tests.unit.store.layers import flip, layer, put_cold

if TYPE_CHECKING:
    from pathlib import Path

    from lamella._core import PackWriter
    from lamella.store import LocalStore
    from lamella.store.packs import PackedChunk


def batch(count: int, size: int = 10_000, seed: int = 0) -> dict[Digest, bytes]:
    return {Digest.of(data): data for data in (content(size, seed * 1000 + number) for number in range(count))}


def packs(folder: Path) -> list[Path]:
    return sorted((folder / "packs").iterdir())


def places(store: LocalStore) -> set[Place]:
    return {record.place for record in store.blobs.page(None, 1000)}


async def test_many_small_blobs_share_a_file(store: LocalStore, folder: Path) -> None:
    blobs = batch(50)
    assert await store.write_many(blobs) == {}
    assert places(store) == {Place.PACKED}
    [record] = PackTable(store.index).page(None, 10)
    assert [path.name for path in packs(folder)] == [f"{record.pack:016x}.pack"]
    assert record.size == packs(folder)[0].stat().st_size
    assert record.blobs == 50
    assert list((folder / "temporary").iterdir()) == []


async def test_each_blob_of_a_batch_goes_where_its_size_belongs(store: LocalStore) -> None:
    sizes = {
        INLINE_MAX: Place.INLINE,
        INLINE_MAX + 1: Place.PACKED,
        PACKED_MAX: Place.PACKED,
        PACKED_MAX + 1: Place.FILE,
    }
    blobs = {Digest.of(content(size)): content(size) for size in sizes} | batch(PACKED_LEAST)
    await store.write_many(blobs)
    for size, place in sizes.items():
        assert store.blobs.get_many(blobs)[Digest.of(content(size))].place is place


async def test_a_few_blobs_are_not_worth_a_pack(store: LocalStore) -> None:
    await store.write_many(batch(PACKED_LEAST - 1))
    assert places(store) == {Place.FILE}


async def test_blobs_that_are_there_are_not_packed_again(store: LocalStore, folder: Path) -> None:
    blobs = batch(10)
    for data in list(blobs.values())[:5]:
        await put(store, data)
    await store.write_many(blobs)
    await store.write_many(blobs)
    assert len(packs(folder)) == 1
    assert PackTable(store.index).page(None, 10)[0].blobs == 5


async def test_a_packed_blob_can_be_deleted_lent_and_stored_again(store: LocalStore) -> None:
    blobs = batch(10)
    await store.write_many(blobs)
    digest, data = next(iter(blobs.items()))
    assert await store.descriptor(digest) is None
    async with store.file(digest) as path:
        assert path.read_bytes() == data
    assert await store.delete(digest)
    with pytest.raises(NotFound):
        await get(store, digest)
    assert PackTable(store.index).page(None, 10)[0].blobs == 9
    assert await put(store, data) == digest
    assert await get(store, digest) == data


@pytest.mark.parametrize("lost", [False, True])
async def test_a_pack_that_is_damaged_or_lost_is_noticed_and_its_blobs_can_come_back(
    store: LocalStore, folder: Path, lost: bool
) -> None:
    blobs = batch(20)
    await store.write_many(blobs)
    [pack] = packs(folder)
    if lost:
        pack.unlink()
    else:
        for offset in range(100, 200_000, 10_000):
            flip(pack, offset)
    for digest in blobs:
        with pytest.raises(NotFound if lost else Corrupted):
            await get(store, digest)
    assert await store.missing(blobs) == set(blobs)
    await store.write_many(blobs)
    assert [await get(store, digest) for digest in blobs] == list(blobs.values())


@pytest.mark.parametrize("lost", [False, True])
async def test_reading_many_says_which_are_damaged_or_lost(store: LocalStore, folder: Path, lost: bool) -> None:
    blobs, others = batch(60), batch(10, seed=1)
    await store.write_many(blobs)
    [pack] = packs(folder)
    await store.write_many(others)
    if lost:
        pack.unlink()
    else:
        flip(pack, 300_000)
    found = await store.read_many([*blobs, *others])
    broken = {digest for digest, data in found.items() if not isinstance(data, bytes)}
    assert {type(found[digest]) for digest in broken} == {NotFound if lost else Corrupted}
    assert broken == set(blobs) if lost else 0 < len(broken) < len(blobs)
    assert {**blobs, **others}.items() >= {digest: found[digest] for digest in found.keys() - broken}.items()


async def test_a_lost_pack_comes_back_with_a_batch_although_the_index_knows_the_blobs(
    store: LocalStore, folder: Path
) -> None:
    blobs = batch(20)
    await store.write_many(blobs)
    packs(folder)[0].unlink()
    await store.write_many(blobs)
    assert [await get(store, digest) for digest in blobs] == list(blobs.values())


async def test_batches_of_several_callers_share_packs(store: LocalStore, folder: Path) -> None:
    batches = [batch(8, seed=seed) for seed in range(30)]
    await asyncio.gather(*(store.write_many(blobs) for blobs in batches))
    assert len(packs(folder)) < 30
    for blobs in batches:
        assert [await get(store, digest) for digest in blobs] == list(blobs.values())


async def test_a_full_disk_stores_nothing_and_leaves_nothing(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageFull("the index")

    monkeypatch.setattr(store._packer._packs, "record", fail)
    with pytest.raises(StorageFull):
        await store.write_many(batch(10))
    assert packs(folder) == []
    assert await listed(store) == []
    monkeypatch.undo()
    assert await store.write_many(batch(10)) == {}


async def test_a_pack_that_cannot_be_synced_turns_the_store_read_only(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __init__(self, writer: PackWriter) -> None:
            self.add_blob, self.close, self.size = writer.add_blob, writer.close, 0

        def finish(self) -> None:
            raise OSError(5, "Input/output error")

    writer = store._packer._packs.writer
    monkeypatch.setattr(store._packer._packs, "writer", lambda: Broken(writer()))
    with pytest.raises(ReadOnly):
        await store.write_many(batch(10))
    assert store.read_only is not None
    assert packs(folder) == []


async def test_a_search_reads_the_footer_of_a_pack_once_or_where_it_has_what_is_wanted(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(path: Path) -> list[PackedChunk]:
        read.append(path.name)
        return read_pack_footer(path)

    monkeypatch.setattr(pack_contents, "read_pack_footer", counted)
    contents = PackContents(Layout(folder))
    for seed in range(3):
        await store.write_many(batch(5, seed=seed))
    absent = [Digest.of(content(9, seed)) for seed in range(10)]
    assert [list(contents.find({digest})) for digest in absent] == [[]] * 10
    assert sorted(read) == [path.name for path in packs(folder)]
    await store.write_many(batch(5, seed=3))
    read.clear()
    [wanted, *_] = batch(5, seed=3)
    record = store.blobs.get(wanted)
    assert record is not None
    assert [found.location for found in contents.find({wanted, *absent})] == [record.location]
    assert len(read) == 2
    contents.forget()
    read.clear()
    assert list(contents.find(set(absent))) == []
    assert len(read) == 4


async def test_a_lost_file_that_comes_back_while_a_batch_is_packed_stays_with_what_is_inflated_from_it(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = gzip.compress(content(20_000), mtime=0)
    digest, tar = await put(store, data), Digest.of(content(20_000))
    Layout(folder).blob(digest).unlink()
    packing, go_on, publish = threading.Event(), threading.Event(), Packs.publish

    def wait_and_publish(packs: Packs, writer: PackWriter, chunks: list[PackedChunk]) -> NewPack:
        packing.set()
        assert go_on.wait(60)
        return publish(packs, writer, chunks)

    monkeypatch.setattr(Packs, "publish", wait_and_publish)
    writing = asyncio.create_task(store.write_many({digest: data, **batch(PACKED_LEAST)}))
    try:
        assert await asyncio.to_thread(packing.wait, 60)
        await put(store, data)
        assert await asyncio.to_thread(store.examiner.examine, digest)
    finally:
        go_on.set()
    assert await writing == {}
    assert await get(store, digest) == data
    assert await get(store, tar) == content(20_000)


async def test_a_small_chunk_whose_pack_is_lost_comes_back_by_itself(store: LocalStore, folder: Path) -> None:
    await put_cold(store, layer())
    chunk = next(record.digest for record in store.blobs.page(None, 1000) if record.size <= INLINE_MAX)
    data = await get(store, chunk)
    packs(folder)[0].unlink()
    assert await put(store, data) == chunk
    assert await get(store, chunk) == data
