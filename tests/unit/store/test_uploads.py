from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from lamella.errors import DigestMismatch, Invalid, LimitExceeded, UploadBusy
from lamella.model import Digest
from lamella.store import BUFFER_SIZE, LocalStore
from lamella.store import uploads as uploads_module
from lamella.store.try_lock import try_lock
from tests.suites.blob_store import content, get

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path


@pytest.mark.parametrize("size", [100, 10_000, 3 * BUFFER_SIZE])
async def test_an_upload_goes_on_where_it_was_left(store: LocalStore, folder: Path, size: int) -> None:
    data = content(size)
    for start in range(0, size, size // 4):
        async with store.uploads.open("id") as upload:
            assert upload.size == start
            await upload.write(data[start : start + size // 4])
        assert store.uploads.size("id") == min(start + size // 4, size)
    async with store.uploads.open("id") as upload:
        assert await upload.commit(Digest.of(data)) == Digest.of(data)
    assert await get(store, Digest.of(data)) == data
    assert store.uploads.size("id") is None
    assert list((folder / "uploads").iterdir()) == []


async def test_a_cancelled_upload_keeps_a_prefix_of_what_came(store: LocalStore) -> None:
    data = content(5 * BUFFER_SIZE)
    for attempt in range(8):
        name = f"upload-{attempt}"
        begun = asyncio.Event()

        async def receive(name: str = name, begun: asyncio.Event = begun) -> None:
            async with store.uploads.open(name) as upload:
                begun.set()
                for start in range(0, len(data), 300_000):
                    await upload.write(data[start : start + 300_000])
                    await asyncio.sleep(0)

        task = asyncio.create_task(receive())
        await begun.wait()
        for _ in range(attempt * 3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with store.uploads.open(name) as upload:
            await upload.write(data[upload.size :])
            assert await upload.commit(Digest.of(data)) == Digest.of(data)


async def test_a_commit_that_is_cancelled_goes_on(store: LocalStore, folder: Path) -> None:
    """The client has left, and so hears of nothing; no mistake of ours is to be logged."""
    data = content(BUFFER_SIZE)
    digest = Digest.of(data)
    busy = threading.Event()
    store.index.submit(lambda _: busy.wait())

    async def receive() -> None:
        async with store.uploads.open("id") as upload:
            await upload.write(data)
            await upload.commit(digest)

    task = asyncio.create_task(receive())
    try:
        while not list((folder / "blobs").rglob(digest.hex)):  # noqa: ASYNC110 - the publisher tells nobody
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        busy.set()
    while await store.missing([digest]):  # noqa: ASYNC110 - the index tells nobody
        await asyncio.sleep(0.01)
    assert await get(store, digest) == data


async def test_an_upload_cancelled_while_it_opens_is_free_again(store: LocalStore) -> None:
    async with store.uploads.open("id") as upload:
        await upload.write(content(20 * BUFFER_SIZE))

    async def hold() -> None:
        async with store.uploads.open("id"):
            raise AssertionError("it was not cancelled in time")

    task = asyncio.create_task(hold())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    while True:
        try:
            async with store.uploads.open("id") as upload:
                assert upload.size == 20 * BUFFER_SIZE
            break
        except UploadBusy:
            await asyncio.sleep(0.01)


async def test_other_bytes_than_announced_end_the_upload(store: LocalStore) -> None:
    async with store.uploads.open("id") as upload:
        await upload.write(b"bytes")
        with pytest.raises(DigestMismatch):
            await upload.commit(Digest.of(b"others"))
        with pytest.raises(RuntimeError):
            await upload.write(b"more")
    assert store.uploads.size("id") is None
    assert await store.missing([Digest.of(b"bytes")]) == {Digest.of(b"bytes")}


async def test_a_discarded_upload_is_gone(store: LocalStore) -> None:
    async with store.uploads.open("id") as upload:
        await upload.write(b"bytes")
        upload.discard()
    assert store.uploads.size("id") is None


async def test_an_upload_has_one_holder(store: LocalStore) -> None:
    async with store.uploads.open("id") as upload:
        await upload.write(b"12")
        with pytest.raises(UploadBusy) as caught:
            async with store.uploads.open("id"):
                pass
        assert caught.value.upload_id == "id"
        await upload.write(b"345")
    async with store.uploads.open("id") as upload:
        assert await upload.commit() == Digest.of(b"12345")


async def test_an_upload_has_the_limit_of_a_blob(folder: Path) -> None:
    async with LocalStore(folder, max_blob_size=10) as store, store.uploads.open("id") as upload:
        await upload.write(b"12345678")
        with pytest.raises(LimitExceeded):
            await upload.write(b"90a")
        assert upload.size == 8


@pytest.mark.parametrize("upload_id", ["", ".", "..", "../x", "a/b", ".hidden", "x" * 129, "a\0", "a\n"])
async def test_an_identifier_that_is_no_file_name_is_refused(store: LocalStore, upload_id: str) -> None:
    with pytest.raises(Invalid) as caught:
        async with store.uploads.open(upload_id):
            pass
    assert caught.value.field == "upload_id"


async def test_old_uploads_expire_unless_they_are_held(store: LocalStore, folder: Path) -> None:
    async with store.uploads.open("old"), store.uploads.open("new"):
        pass
    async with store.uploads.open("held"):
        for name in ("old", "held"):
            os.utime(folder / "uploads" / name, (0, time.time() - 100))
        assert await store.uploads.expire(50) == 1
    assert sorted(path.name for path in (folder / "uploads").iterdir()) == ["held", "new"]


async def test_an_upload_that_begins_anew_meanwhile_does_not_expire(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "uploads" / "id"
    path.touch()
    os.utime(path, (0, 0))

    def begin_anew(descriptor: int) -> bool:
        path.unlink()
        path.touch()
        return try_lock(descriptor)

    monkeypatch.setattr(uploads_module, "try_lock", begin_anew)
    assert await store.uploads.expire(50) == 0
    assert path.exists()


async def test_a_restart_clears_uploads(folder: Path) -> None:
    async with LocalStore(folder) as store, store.uploads.open("id") as upload:
        await upload.write(b"bytes")
    async with LocalStore(folder) as store:
        assert store.uploads.size("id") is None


def _hold(folder: Path, pipe: Connection) -> None:
    async def hold() -> None:
        async with LocalStore(folder) as store, store.uploads.open("id") as upload:
            await upload.write(b"from the other process, ")
            pipe.send("holding")
            pipe.recv()

    asyncio.run(hold())
    pipe.send("left")


async def test_another_process_goes_on_with_an_upload(store: LocalStore, folder: Path) -> None:
    here, there = multiprocessing.Pipe()
    other = multiprocessing.get_context("spawn").Process(target=_hold, args=(folder, there))
    other.start()
    assert await asyncio.to_thread(here.recv) == "holding"
    with pytest.raises(UploadBusy):
        async with store.uploads.open("id"):
            pass
    here.send("leave")
    assert await asyncio.to_thread(here.recv) == "left"
    async with store.uploads.open("id") as upload:
        await upload.write(b"and from this one")
        digest = await upload.commit()
    assert await get(store, digest) == b"from the other process, and from this one"
    await asyncio.to_thread(other.join)
    assert other.exitcode == 0
