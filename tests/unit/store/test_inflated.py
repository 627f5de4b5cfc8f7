"""What compressed blobs hold, read as blobs of their own."""

from __future__ import annotations

import asyncio
import gzip
import random
import shutil
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from lamella._core import Chunker
from lamella.errors import Corrupted, Leased, NoChunks, NotFound
from lamella.index import ContentRecord, Contents, Place
from lamella.model import Digest
from lamella.store import LocalStore, VerifyingStore, reindex
from lamella.store.protocol import BlobInfo
from tests.suites.blob_store import get, put
from tests.unit.store.compressed import FORMS, TAR, content_of, put_form
from tests.unit.store.layers import flip, layer
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from pathlib import Path

DIFF_ID = Digest.of(TAR)


def place(store: LocalStore, digest: Digest) -> Place | None:
    record = store.blobs.get(digest)
    return None if record is None else record.place


def blob_file(folder: Path, digest: Digest) -> Path:
    return folder / "blobs" / "sha256" / digest.hex[:2] / digest.hex


async def examine(store: LocalStore, digest: Digest) -> bool:
    return await asyncio.to_thread(store.examiner.examine, digest)


async def lent(store: LocalStore) -> None:
    """Ask for a file with the bytes of the layer."""
    async with store.file(DIFF_ID):
        pass


async def put_hot(store: LocalStore) -> Digest:
    """Store a gzip layer, and look into it."""
    digest = await put_form(store, "gzip")
    assert await examine(store, digest)
    return digest


@pytest.mark.parametrize("form", FORMS)
async def test_it_is_read_byte_for_byte(store: LocalStore, form: str) -> None:
    source, tar = await put_form(store, form), content_of(form)
    digest = Digest.of(tar)
    assert place(store, source) is FORMS[form]
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
            assert place(store, source) is Place.RECIPE
        assert not await examine(store, source)
        assert await store.missing([DIFF_ID]) == {DIFF_ID}
        assert Contents(store.index).get(source) == ContentRecord(None)


async def test_a_bomb_is_left_alone_after_as_much_as_a_blob_may_have(folder: Path) -> None:
    async with LocalStore(folder, max_blob_size=4 << 20) as store:
        source = await put(store, gzip.compress(bytes(1 << 28)))
        reads: list[int] = []
        assert not await asyncio.to_thread(store.examiner.examine, source, reads.append)
        assert sum(reads) <= 4 << 20


async def test_damage_is_found_before_the_last_bytes_leave_and_takes_both(store: LocalStore, folder: Path) -> None:
    source = await put_hot(store)
    path = blob_file(folder, source)
    flip(path, path.stat().st_size // 2)
    received = 0

    async def receive() -> None:
        nonlocal received
        async with aclosing(store.open(DIFF_ID)) as buffers:
            async for buffer in buffers:
                received += memoryview(buffer).nbytes

    with pytest.raises(Corrupted):
        await receive()
    assert received < len(TAR)
    assert store.blobs.count() == 0
    assert (folder / "quarantine" / source.hex).exists()


async def test_damage_of_a_source_takes_nothing_that_was_pushed_meanwhile(store: LocalStore, folder: Path) -> None:
    source = await put_hot(store)
    path = blob_file(folder, source)
    flip(path, path.stat().st_size - 6)
    async with aclosing(store.open(DIFF_ID)) as buffers:
        await anext(buffers)
        assert await store.delete(DIFF_ID)
        assert await put(store, TAR) == DIFF_ID
        with pytest.raises(Corrupted, match=str(DIFF_ID)):
            async for _ in buffers:
                pass
    assert await store.missing([source, DIFF_ID]) == {source}
    assert await get(store, DIFF_ID) == TAR


async def test_a_whole_file_of_another_layer_is_damage_too(store: LocalStore, folder: Path) -> None:
    source = await put_hot(store)
    other = bytearray(TAR)
    other[-2000] ^= 1
    path = blob_file(folder, source)
    path.chmod(0o600)
    path.write_bytes(gzip.compress(bytes(other)))
    with pytest.raises(Corrupted):
        await get(store, DIFF_ID)
    assert store.blobs.count() == 0


async def test_damage_is_told_from_what_was_pushed_damaged(store: LocalStore, folder: Path) -> None:
    source = await put_form(store, "gzip")
    path = blob_file(folder, source)
    flip(path, path.stat().st_size // 2)
    assert not await examine(store, source)
    assert await store.missing([source]) == {source}
    await put_form(store, "gzip")
    flip(path, 5)  # within the header's time: it holds the same
    assert not await examine(store, source)
    assert await store.missing([source]) == {source}


async def test_where_the_file_is_gone_so_are_both(store: LocalStore, folder: Path) -> None:
    source = await put_hot(store)
    blob_file(folder, source).unlink()
    with pytest.raises(NotFound) as caught:
        await get(store, DIFF_ID)
    assert caught.value.digest == DIFF_ID
    assert store.blobs.count() == 0


@pytest.mark.parametrize("damage", ["lost", "damaged"])
@pytest.mark.parametrize("method", ["open", "file", "examine"])
async def test_where_a_piece_of_its_source_is_damaged_both_are(
    store: LocalStore, folder: Path, damage: str, method: str
) -> None:
    source = await put_form(store, "gzip in pieces")
    pieces = [record.digest for record in store.blobs.page(None, 10) if record.place is Place.FILE]
    if method != "examine":
        assert await examine(store, source)
    path = blob_file(folder, pieces[0])
    if damage == "lost":
        path.unlink()
    else:
        flip(path, 100)
    if method == "examine":
        assert not await examine(store, source)
    else:
        with pytest.raises(Corrupted, match=str(DIFF_ID)):
            await (get(store, DIFF_ID) if method == "open" else lent(store))
    assert await store.missing([source, DIFF_ID, *pieces]) == {source, DIFF_ID, pieces[0]}


@pytest.mark.parametrize("whose", ["source", "inflated"])
async def test_quarantine_takes_both(store: LocalStore, folder: Path, whose: str) -> None:
    source = await put_hot(store)
    await store.quarantine(source if whose == "source" else DIFF_ID, "said so")
    assert store.blobs.count() == 0
    assert (folder / "quarantine" / source.hex).exists()


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
    assert (place(store, source), place(store, DIFF_ID)) == (Place.RECIPE, Place.INFLATED)
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
    assert place(store, DIFF_ID) is Place.INFLATED
    assert not blob_file(folder, DIFF_ID).exists()
    assert not await store.write_many({DIFF_ID: TAR})
    assert place(store, DIFF_ID) is Place.INFLATED


@pytest.mark.parametrize("damage", ["gone", "short"])
async def test_the_same_bytes_pushed_are_stored_where_the_source_is_lost(
    store: LocalStore, folder: Path, damage: str
) -> None:
    path = blob_file(folder, await put_hot(store))
    if damage == "gone":
        path.unlink()
    else:
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1])
    assert await put(store, TAR) == DIFF_ID
    assert place(store, DIFF_ID) is Place.FILE
    assert await get(store, DIFF_ID) == TAR


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
    assert place(store, chunk) is Place.INFLATED
    assert await asyncio.to_thread(store.compactor.compact, digest) is not None
    assert place(store, chunk) is Place.PACKED
    assert await store.delete(source)
    assert await get(store, digest) == TAR


async def test_the_frame_that_it_was_once_in_is_no_business_of_its_source(store: LocalStore, folder: Path) -> None:
    """Neither of the two is damaged with the frame."""
    small = [bytes([number]) * 5000 for number in range(10)]
    assert not await store.write_many({Digest.of(blob): blob for blob in small})
    once, *others = map(Digest.of, small)
    assert await store.delete(once)
    source = await put(store, gzip.compress(small[0], mtime=0))
    assert await examine(store, source)
    assert place(store, once) is Place.INFLATED
    blob = Digest.of(b"".join(small[1:]))
    assert await store.chunk_lists.splice(BlobInfo(blob, 45_000), [BlobInfo(digest, 5000) for digest in others])
    [pack] = (folder / "packs").iterdir()
    flip(pack, 30)
    with pytest.raises(Corrupted):
        await get(store, blob)
    assert await store.missing([source, once, *others]) == set(others)
    assert await get(store, once) == small[0]


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


async def test_a_sound_index_keeps_it_and_a_new_one_learns_it_again(folder: Path) -> None:
    async with LocalStore(folder) as store:
        source = await put_hot(store)
    assert reindex(folder).lost == 0
    async with LocalStore(folder) as store:
        assert await get(store, DIFF_ID) == TAR
    shutil.rmtree(folder / "index")
    reindex(folder)
    async with LocalStore(folder) as store:
        assert await store.missing([DIFF_ID]) == {DIFF_ID}
        assert await examine(store, source)
        assert await get(store, DIFF_ID) == TAR
    blob_file(folder, source).unlink()
    reindex(folder)
    async with LocalStore(folder) as store:
        assert store.blobs.count() == 0


async def test_a_file_that_a_crash_left_is_taken_in_again_or_removed(folder: Path) -> None:
    async with LocalStore(folder) as store:
        await put_hot(store)
        blob_file(folder, DIFF_ID).write_bytes(TAR)
        store.leftovers.remove()
        assert not blob_file(folder, DIFF_ID).exists()
        assert await get(store, DIFF_ID) == TAR
    blob_file(folder, DIFF_ID).write_bytes(TAR)
    assert reindex(folder).adopted == 1
    async with LocalStore(folder) as store:
        assert place(store, DIFF_ID) is Place.FILE
        assert await get(store, DIFF_ID) == TAR
