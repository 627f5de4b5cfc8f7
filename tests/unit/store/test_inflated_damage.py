"""Blobs that others hold compressed, where something of them or their source is damaged, lost or left behind."""

from __future__ import annotations

import gzip
import shutil
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from lamella.errors import Corrupted, NotFound
from lamella.index import Place
from lamella.model import Digest
from lamella.store import LocalStore, reindex
from lamella.store.protocol import BlobInfo
from tests.suites.blob_store import get, put
from tests.unit.store.compressed import DIFF_ID, TAR, examine, put_form, put_hot
from tests.unit.store.layers import blob_file, flip, place_of

if TYPE_CHECKING:
    from pathlib import Path


async def lent(store: LocalStore) -> None:
    """Ask for a file with the bytes of the layer."""
    async with store.file(DIFF_ID):
        pass


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
    assert store.condemn(source if whose == "source" else DIFF_ID, "said so")
    assert store.blobs.count() == 0
    assert (folder / "quarantine" / source.hex).exists()


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
    assert place_of(store, DIFF_ID) is Place.FILE
    assert await get(store, DIFF_ID) == TAR


async def test_the_frame_that_it_was_once_in_is_no_business_of_its_source(store: LocalStore, folder: Path) -> None:
    """Neither of the two is damaged with the frame."""
    small = [bytes([number]) * 5000 for number in range(10)]
    assert not await store.write_many({Digest.of(blob): blob for blob in small})
    once, *others = map(Digest.of, small)
    assert await store.delete(once)
    source = await put(store, gzip.compress(small[0], mtime=0))
    assert await examine(store, source)
    assert place_of(store, once) is Place.INFLATED
    blob = Digest.of(b"".join(small[1:]))
    assert await store.chunk_lists.splice(BlobInfo(blob, 45_000), [BlobInfo(digest, 5000) for digest in others])
    [pack] = (folder / "packs").iterdir()
    flip(pack, 30)
    with pytest.raises(Corrupted):
        await get(store, blob)
    assert await store.missing([source, once, *others]) == set(others)
    assert await get(store, once) == small[0]


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
        assert place_of(store, DIFF_ID) is Place.FILE
        assert await get(store, DIFF_ID) == TAR
