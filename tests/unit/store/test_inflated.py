"""What compressed blobs hold, read as blobs of their own."""

from __future__ import annotations

import asyncio
import gzip
import random
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from lamella._core import Chunker
from lamella.errors import Leased, NoChunks
from lamella.index import ContentRecord, Contents, Place
from lamella.model import Digest
from lamella.store import LocalStore, VerifyingStore
from lamella.store.protocol import BlobInfo
from tests.suites.blob_store import get, put
from tests.unit.store.compressed import DIFF_ID, FORMS, TAR, content_of, examine, put_form, put_hot
from tests.unit.store.layers import blob_file, layer, place_of
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", FORMS)
async def test_it_is_read_byte_for_byte(store: LocalStore, form: str) -> None:
    source, tar = await put_form(store, form), content_of(form)
    digest = Digest.of(tar)
    assert place_of(store, source) is FORMS[form]
    # What a cold layer holds is known from its recipe.
    assert await examine(store, source) is (form != "cold gzip")
    assert await store.missing([digest]) == set()
    assert await store.stat(digest) == BlobInfo(digest, len(tar))
    assert await get(store, digest) == tar
    assert await get(VerifyingStore(store, store.quarantine), digest) == tar
    rng = random.Random(form)
    for _ in range(10):
        offset = rng.randrange(len(tar) + 1)
        length = rng.choice([None, 0, 1, 1000, len(tar)])
        assert await get(store, digest, offset, length) == tar[offset:][:length]
    assert await store.descriptor(digest) is None
    async with store.file(digest) as path:
        assert await asyncio.to_thread(path.read_bytes) == tar
    assert {info.digest for info in [info async for info in store.walk()]} >= {source, digest}


@pytest.mark.parametrize("form", FORMS)
async def test_looking_into_a_blob_is_no_use_of_it(folder: Path, form: str) -> None:
    now = [2e9]
    async with LocalStore(folder, clock=lambda: now[0]) as store:
        source = await put_form(store, form)
        now[0] += 50_000
        await examine(store, source)
        assert {record.used for record in store.blobs.page(None, 1000)} == {int(2e9)}
        await get(store, Digest.of(content_of(form)))
        await store.index.write(lambda _: None)
        assert store.blobs.get(source) is not None
        assert store.blobs.get_many([source])[source].used == int(now[0])


async def test_a_blob_is_looked_into_once(store: LocalStore) -> None:
    source = await put_form(store, "gzip")
    reads: list[int] = []
    assert await asyncio.to_thread(store.examiner.examine, source, reads.append)
    assert sum(reads) == len(TAR)
    assert not await asyncio.to_thread(store.examiner.examine, source, reads.append)
    assert await store.delete(DIFF_ID)
    assert await asyncio.to_thread(store.examiner.examine, source, reads.append)
    assert sum(reads) == len(TAR)
    assert await get(store, DIFF_ID) == TAR


async def test_a_pause_may_stop_it(store: LocalStore) -> None:
    source = await put_form(store, "gzip")

    def stop(_: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await asyncio.to_thread(store.examiner.examine, source, stop)
    assert Contents(store.index).get(source) is None
    assert await examine(store, source)


@pytest.mark.parametrize(
    "data",
    [TAR, b"neither", gzip.compress(TAR)[:-9], gzip.compress(TAR) + b"more", gzip.compress(b"")],
    ids=["plain", "no tar", "cut short", "with a rest", "empty"],
)
async def test_what_holds_nothing_is_looked_into_once_and_stays(store: LocalStore, data: bytes) -> None:
    source = await put(store, data)
    reads: list[int] = []
    assert not await examine(store, source)
    assert Contents(store.index).get(source) == ContentRecord(None)
    assert not await asyncio.to_thread(store.examiner.examine, source, reads.append)
    assert reads == []
    assert store.blobs.count() == 1
    assert await get(store, source) == data


@pytest.mark.parametrize("cold", [False, True])
async def test_what_holds_more_than_a_blob_may_is_no_blob(folder: Path, cold: bool) -> None:
    data = compressed(TAR, "go-1.26")
    async with LocalStore(folder, max_blob_size=len(TAR) - 1) as store:
        source = await put(store, data)
        if cold:
            await asyncio.to_thread(store.compactor.compact, source)
            assert place_of(store, source) is Place.RECIPE
        assert not await examine(store, source)
        assert await store.missing([DIFF_ID]) == {DIFF_ID}
        assert Contents(store.index).get(source) == ContentRecord(None)


async def test_a_bomb_is_left_alone_after_as_much_as_a_blob_may_have(folder: Path) -> None:
    async with LocalStore(folder, max_blob_size=4 << 20) as store:
        source = await put(store, gzip.compress(bytes(1 << 28)))
        reads: list[int] = []
        assert not await asyncio.to_thread(store.examiner.examine, source, reads.append)
        assert sum(reads) <= 4 << 20


@pytest.mark.parametrize("form", ["gzip", "cold gzip"])
async def test_a_reader_receives_all_although_both_are_deleted(store: LocalStore, form: str) -> None:
    source = await put_form(store, form)
    await examine(store, source)
    async with aclosing(store.open(DIFF_ID)) as buffers:
        parts = [bytes(await anext(buffers))]
        assert len(parts[0]) < len(TAR)
        assert await store.delete(source)
        assert await store.missing([DIFF_ID]) == {DIFF_ID}
        parts += [bytes(buffer) async for buffer in buffers]
    assert b"".join(parts) == TAR


async def test_it_is_read_on_while_its_source_turns_cold(store: LocalStore) -> None:
    source = await put(store, compressed(TAR, "go-1.26"))
    assert await examine(store, source)
    async with aclosing(store.open(DIFF_ID)) as buffers:
        parts = [bytes(await anext(buffers))]
        await asyncio.to_thread(store.compactor.compact, source)
        parts += [bytes(buffer) async for buffer in buffers]
    assert b"".join(parts) == TAR
    assert (place_of(store, source), place_of(store, DIFF_ID)) == (Place.RECIPE, Place.INFLATED)
    assert await get(store, DIFF_ID) == TAR


async def test_a_lease_of_it_keeps_its_source(store: LocalStore) -> None:
    source = await put_hot(store)
    lease = await store.leases.acquire("me", [DIFF_ID], 100)
    for digest in (source, DIFF_ID):
        with pytest.raises(Leased):
            await store.delete(digest)
    assert not (await store.delete_unused([source], 1 << 40)).removed
    await store.leases.release(lease.id)
    assert [record.digest for record in (await store.delete_unused([source], 1 << 40)).removed] == [source]
    assert store.blobs.count() == 0


async def test_the_same_bytes_pushed_are_not_stored_twice(store: LocalStore, folder: Path) -> None:
    await put_hot(store)
    assert await put(store, TAR) == DIFF_ID
    assert place_of(store, DIFF_ID) is Place.INFLATED
    assert not blob_file(folder, DIFF_ID).exists()
    assert not await store.write_many({DIFF_ID: TAR})
    assert place_of(store, DIFF_ID) is Place.INFLATED


async def test_what_was_pushed_by_itself_is_no_business_of_a_source(store: LocalStore) -> None:
    await put(store, TAR)
    source = await put_form(store, "gzip")
    assert not await examine(store, source)
    assert await store.delete(source)
    assert await get(store, DIFF_ID) == TAR


async def test_it_never_turns_cold_and_is_no_chunk(store: LocalStore) -> None:
    tar = layer(files=3)
    source = await put(store, gzip.compress(tar, mtime=0))
    assert await examine(store, source)
    digest = Digest.of(tar)
    assert store.compactor.compact(digest) is None
    pieces, blob = [BlobInfo(digest, len(tar))] * 40, Digest.of(tar * 40)
    assert not await store.chunk_lists.splice(BlobInfo(blob, 40 * len(tar)), pieces)


async def test_a_chunk_that_was_inflated_until_now_is_packed(store: LocalStore, folder: Path) -> None:
    digest = await put(store, TAR)
    batch = Chunker(blob_file(folder, digest)).next()
    assert batch is not None
    source = await put(store, gzip.compress(batch.data(0), mtime=0))
    assert await examine(store, source)
    chunk = Digest.of(batch.data(0))
    assert place_of(store, chunk) is Place.INFLATED
    assert await asyncio.to_thread(store.compactor.compact, digest) is not None
    assert place_of(store, chunk) is Place.PACKED
    assert await store.delete(source)
    assert await get(store, digest) == TAR


async def test_it_is_split_as_its_cold_source_is(store: LocalStore) -> None:
    await put_form(store, "cold gzip")
    pieces = await store.chunk_lists.split(DIFF_ID, 10_000)
    assert len(pieces) > 10
    assert b"".join([await get(store, piece.digest) for piece in pieces]) == TAR
    source = await put(store, gzip.compress(layer(1), mtime=0))
    assert await examine(store, source)
    with pytest.raises(NoChunks, match="not cold"):
        await store.chunk_lists.split(Digest.of(layer(1)), 10_000)
    small = layer(files=3)
    await examine(store, await put(store, gzip.compress(small, mtime=0)))
    assert await store.chunk_lists.split(Digest.of(small), 10) == [BlobInfo(Digest.of(small), len(small))]
