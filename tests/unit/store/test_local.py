from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from pathlib import Path

import pytest

from lamella.errors import Corrupted, Leased, NotFound
from lamella.index import INLINE_MAX, USED_RESOLUTION, LayerRecord
from lamella.model import EMPTY, Digest
from lamella.store import BUFFER_SIZE, LocalStore
from lamella.store.try_lock import try_lock
from tests.suites.blob_store import content, get, put
from tests.unit.store.layers import blob_file


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


async def test_small_blobs_are_in_the_index_and_large_ones_in_files(store: LocalStore, folder: Path) -> None:
    await put(store, content(INLINE_MAX))
    assert files(folder) == []
    data = content(INLINE_MAX + 1)
    digest = await put(store, data)
    assert files(folder) == [blob_file(folder, digest)]
    assert files(folder)[0].read_bytes() == data
    assert files(folder)[0].stat().st_mode & 0o222 == 0


async def test_blobs_outlive_the_store(folder: Path) -> None:
    blobs = [content(size) for size in (10, 10_000, BUFFER_SIZE + 1)]
    async with LocalStore(folder) as store:
        digests = [await put(store, blob) for blob in blobs]
    async with LocalStore(folder) as store:
        assert [await get(store, digest) for digest in digests] == blobs


@pytest.mark.parametrize("size", [10, 10_000])
async def test_a_leased_blob_is_not_deleted(store: LocalStore, size: int) -> None:
    digest = await put(store, content(size))
    lease = await store.leases.acquire("builder", [digest], 60)
    with pytest.raises(Leased) as caught:
        await store.delete(digest)
    assert caught.value.digest == digest
    assert await get(store, digest) == content(size)
    await store.leases.release(lease.id)
    assert await store.delete(digest)


async def test_what_is_known_of_a_layer_goes_with_its_blob(store: LocalStore) -> None:
    digest = await put(store, b"layer")
    await store.layers.put(digest, LayerRecord(Digest.of(b"tar"), 100))
    await store.delete(digest)
    assert store.layers.get(digest) is None


async def test_a_blob_whose_file_somebody_removed_is_not_found_and_can_come_back(
    store: LocalStore, folder: Path
) -> None:
    data = content(10_000)
    digest = await put(store, data)
    blob_file(folder, digest).unlink()
    with pytest.raises(NotFound):
        await get(store, digest)
    assert await store.missing([digest]) == {digest}
    await put(store, data)
    assert await get(store, digest) == data


async def test_a_lost_file_comes_back_with_an_upload_although_the_index_knows_the_blob(
    store: LocalStore, folder: Path
) -> None:
    data = content(10_000)
    digest = await put(store, data)
    blob_file(folder, digest).unlink()
    await put(store, data)
    assert await get(store, digest) == data


async def test_a_file_that_was_cut_is_noticed_and_set_aside(store: LocalStore, folder: Path) -> None:
    data = content(3 * BUFFER_SIZE)
    digest = await put(store, data)
    path = blob_file(folder, digest)
    path.chmod(0o600)
    path.write_bytes(data[:-10])
    with pytest.raises(Corrupted, match=str(digest)):
        await get(store, digest)
    assert await store.missing([digest]) == {digest}
    assert [path.name for path in (folder / "quarantine").iterdir()] == [digest.hex]
    await put(store, data)
    assert await get(store, digest) == data


async def test_a_cut_file_that_the_index_does_not_know_is_replaced_by_an_upload(
    store: LocalStore, folder: Path
) -> None:
    data = content(10_000)
    path = blob_file(folder, Digest.of(data))
    path.write_bytes(data[:-1])
    await put(store, data)
    assert await get(store, Digest.of(data)) == data


async def test_nobody_else_publishes_while_a_cut_file_is_set_aside(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(10_000)
    path = blob_file(folder, Digest.of(data))
    path.write_bytes(data[:-1])
    replace, alone = Path.replace, list[bool]()

    def look_and_replace(source: Path, target: Path) -> Path:
        folder = os.open(source.parent, os.O_RDONLY)
        alone.append(not try_lock(folder, fcntl.LOCK_SH))
        os.close(folder)
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", look_and_replace)
    await put(store, data)
    assert alone == [True]


async def test_blobs_come_back_unharmed_while_they_are_deleted(store: LocalStore) -> None:
    data = content(10_000)
    digest = Digest.of(data)

    async def upload() -> None:
        for _ in range(20):
            await put(store, data)

    async def delete() -> None:
        for _ in range(20):
            await store.delete(digest)

    await asyncio.gather(upload(), delete(), upload(), delete())
    await put(store, data)
    assert await get(store, digest) == data


async def test_a_blob_that_comes_back_while_its_file_is_removed_keeps_its_file(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(10_000)
    digest = await put(store, data)
    removing, uploaded = threading.Event(), threading.Event()
    unlink = Path.unlink

    def unlink_late(path: Path, missing_ok: bool = False) -> None:
        if path.name == digest.hex:
            removing.set()
            uploaded.wait(0.3)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink_late)
    deletion = asyncio.create_task(store.delete(digest))
    await asyncio.to_thread(removing.wait)
    await put(store, data)
    uploaded.set()
    assert await deletion
    assert await get(store, digest) == data


@pytest.mark.parametrize("size", [0, 10, 10_000])
async def test_a_blob_is_lent_as_a_file_that_stays_until_it_is_given_back(
    store: LocalStore, folder: Path, size: int
) -> None:
    digest = await put(store, content(size))
    async with store.file(digest) as path:
        await store.delete(digest)
        assert path.read_bytes() == content(size)
    assert not path.exists()
    if digest != EMPTY:
        with pytest.raises(NotFound):
            async with store.file(digest):
                pass


async def test_a_file_that_is_lent_to_who_has_gone_leaves_no_name(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = await put(store, content(10_000))
    begun, go_on, made = threading.Event(), threading.Event(), threading.Event()
    lend = store._lender._lend

    def lend_slowly(digest: Digest, path: Path) -> None:
        begun.set()
        go_on.wait()
        lend(digest, path)
        assert path.exists()
        made.set()

    monkeypatch.setattr(store._lender, "_lend", lend_slowly)

    async def borrow() -> None:
        async with store.file(digest):
            raise AssertionError("it was cancelled before")

    borrowing = asyncio.create_task(borrow())
    await asyncio.to_thread(begun.wait)
    borrowing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await borrowing
    go_on.set()
    await asyncio.to_thread(store._threads.shutdown)
    assert made.is_set()
    assert list((folder / "temporary").iterdir()) == []


async def test_a_use_is_written_down_once_in_a_while(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = await put(store, b"bytes")
    used = store.blobs.get_many([digest])[digest].used
    monkeypatch.setattr(store.blobs, "clock", lambda: used + USED_RESOLUTION - 1)
    await store.missing([digest])
    assert store.blobs.get_many([digest])[digest].used == used
    monkeypatch.setattr(store.blobs, "clock", lambda: used + USED_RESOLUTION)
    await store.missing([digest])
    assert store.blobs.get_many([digest])[digest].used == used + USED_RESOLUTION
    monkeypatch.setattr(store.blobs, "clock", lambda: used + 2 * USED_RESOLUTION)
    await get(store, digest)
    await store.index.write(lambda _: None)
    assert store.blobs.get_many([digest])[digest].used == used + 2 * USED_RESOLUTION
