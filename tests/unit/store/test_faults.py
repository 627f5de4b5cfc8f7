"""What a store does when the disk fails it; every fault is injected where the operating system would report it."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import lmdb
import pytest

from lamella._core import BlobFile
from lamella.errors import Corrupted, NotFound, ReadOnly, StorageFull
from lamella.index import INLINE_MAX, Place
from lamella.model import Digest
from lamella.store import BUFFER_SIZE, LocalStore
from lamella.store import local as local_module
from tests.suites.blob_store import content, get, listed, put
from tests.unit.store.killed_commit import DIGEST, LAYER, Change, compact, upload, warm
from tests.unit.store.layers import blob_file, put_cold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typing_extensions import Buffer

OLD = content(10_000, 1)
NEW = content(2 * BUFFER_SIZE, 2)


class FailingFile:
    """A ``BlobFile`` whose ``write`` or ``sync`` reports an error number."""

    def __init__(self, file: BlobFile, method: str, code: int) -> None:
        self._file = file
        self._method = method
        self._error = OSError(code, os.strerror(code))

    @property
    def size(self) -> int:
        return self._file.size

    def write(self, data: Buffer) -> int:
        self._fail("write")
        return self._file.write(data)

    def digest(self) -> bytes:
        return self._file.digest()

    def sync(self) -> None:
        self._fail("sync")
        self._file.sync()

    def publish(self, path: Path) -> bool:
        self._fail("publish")
        return self._file.publish(path)

    def close(self, keep: bool = False) -> None:
        self._file.close(keep)

    def _fail(self, method: str) -> None:
        if method == self._method:
            raise self._error


def break_files(monkeypatch: pytest.MonkeyPatch, method: str, code: int) -> None:
    monkeypatch.setattr(local_module, "BlobFile", lambda directory: FailingFile(BlobFile(directory), method, code))


@pytest.fixture
def broken_folder_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def fail(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail)


async def check_only_old_is_there(store: LocalStore) -> None:
    assert await get(store, Digest.of(OLD)) == OLD
    assert await store.missing([Digest.of(OLD), Digest.of(NEW)]) == {Digest.of(NEW)}
    assert await listed(store) == [(Digest.of(OLD), len(OLD))]


@pytest.mark.parametrize("method", ["write", "sync", "publish"])
async def test_a_disk_that_fails_turns_the_store_read_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async with LocalStore(folder) as store:
        await put(store, OLD)
        break_files(monkeypatch, method, errno.EIO)
        with pytest.raises(ReadOnly, match="Input/output error"):
            await put(store, NEW)
        monkeypatch.undo()
        assert store.read_only is not None
        for refused in (put(store, NEW), put(store, b"small"), store.delete(Digest.of(OLD))):
            with pytest.raises(ReadOnly):
                await refused
        with pytest.raises(ReadOnly):
            async with store.uploads.open("id"):
                pass
        await check_only_old_is_there(store)
        with pytest.raises(ReadOnly):
            await store.index.write(lambda _: None)
    async with LocalStore(folder) as store:
        await check_only_old_is_there(store)
        await put(store, NEW)
        assert await get(store, Digest.of(NEW)) == NEW


async def test_a_read_only_store_says_what_is_lost_or_damaged_and_keeps_the_rest(
    store: LocalStore, folder: Path
) -> None:
    lost, cut = await put(store, OLD), await put(store, NEW)
    blob_file(folder, lost).unlink()
    path = blob_file(folder, cut)
    path.chmod(0o600)
    path.write_bytes(NEW[:-1])
    store.index.health.fail("a test")
    for _ in range(2):
        with pytest.raises(NotFound):
            await get(store, lost)
        with pytest.raises(Corrupted):
            await get(store, cut)
    assert path.exists()


async def test_nobody_is_told_of_success_when_a_folder_cannot_be_synced(
    store: LocalStore, broken_folder_sync: None
) -> None:
    outcomes = await asyncio.gather(
        *(put(store, content(INLINE_MAX + 1, seed)) for seed in range(20)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {ReadOnly}
    assert await listed(store) == []
    with pytest.raises(ReadOnly):
        await put(store, b"small")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("method", ["write", "sync", "publish"])
async def test_a_full_disk_fails_that_write_only(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch, method: str, code: int
) -> None:
    await put(store, OLD)
    break_files(monkeypatch, method, code)
    with pytest.raises(StorageFull, match=os.strerror(code)):
        await put(store, NEW)
    await check_only_old_is_there(store)
    monkeypatch.undo()
    assert store.read_only is None
    assert await put(store, NEW) == Digest.of(NEW)


async def test_a_name_that_the_index_has_no_room_for_is_taken_back(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageFull("the index")

    monkeypatch.setattr(store.blobs, "put", full)
    with pytest.raises(StorageFull):
        await put(store, NEW)
    assert [path for path in (folder / "blobs").rglob("*") if path.is_file()] == []
    monkeypatch.undo()
    assert await put(store, NEW) == Digest.of(NEW)


class DiskFailed(lmdb.Error):
    """What LMDB raises for an error number."""

    def __init__(self, code: int) -> None:
        super().__init__(os.strerror(code))
        vars(self)["code"] = code


class UnsureEnvironment:
    """An LMDB environment that reports a failed commit, although it reached the disk, once something is ``done``.

    As LMDB does where it cannot write the last page of a commit, it refuses to write from then on.
    """

    def __init__(self, environment: Any, done: Callable[[], bool], code: int) -> None:
        self._environment = environment
        self._done = done
        self._code = code
        self._failed = False

    def begin(self, *, write: bool = False, parent: Any = None) -> Any:
        if write and self._failed:
            raise lmdb.PanicError("MDB_PANIC")
        txn = self._environment.begin(write=write, parent=parent)
        return self._check(txn) if write and parent is None else txn

    def info(self) -> Any:
        return self._environment.info()

    @contextmanager
    def _check(self, txn: Any) -> Iterator[Any]:
        with txn:
            yield txn
        if self._done():
            self._failed = True
            raise DiskFailed(self._code)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize(("change", "place"), [(upload, Place.FILE), (compact, Place.RECIPE), (warm, Place.FILE)])
async def test_what_a_failed_commit_may_have_recorded_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: Change, place: Place, code: int
) -> None:
    async with LocalStore(folder) as store:
        if change is compact:
            await put(store, LAYER)
        elif change is warm:
            await put_cold(store, LAYER)
        environment = UnsureEnvironment(store.index._environment, lambda: is_in(store, place), code)
        with monkeypatch.context() as patch:
            patch.setattr(store.index, "_environment", environment)
            with pytest.raises(ReadOnly):
                await asyncio.to_thread(change, store)
    async with LocalStore(folder) as store:
        assert is_in(store, place)
        assert await get(store, DIGEST) == LAYER


def is_in(store: LocalStore, place: Place) -> bool:
    record = store.blobs.get(DIGEST)
    return record is not None and record.place is place


async def test_bytes_then_name_then_index_are_durable_before_success_is_told(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    class RecordingFile(FailingFile):
        def _fail(self, method: str) -> None:
            events.append(method)

    real_sync, real_put = os.fsync, store.blobs.put

    def sync(descriptor: int) -> None:
        events.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync other")
        real_sync(descriptor)

    def record(*arguments: Any) -> None:
        events.append("index")
        real_put(*arguments)

    monkeypatch.setattr(local_module, "BlobFile", lambda directory: RecordingFile(BlobFile(directory), "", 0))
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(store.blobs, "put", record)
    await put(store, OLD)
    events.append("told")
    assert events == ["write", "sync", "publish", "sync folder", "index", "told"]


FULL_DISK = """
    import asyncio, resource, signal, sys
    from pathlib import Path
    from lamella.errors import StorageFull
    from lamella.model import Digest
    from lamella.store import LocalStore
    from tests.suites.blob_store import get, put

    async def main():
        async with LocalStore(Path(sys.argv[1])) as store:
            small, large = b"small" * 2000, bytes(9 << 20)
            await put(store, small)
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, resource.RLIM_INFINITY))
            try:
                await put(store, large)
            except StorageFull as error:
                print("full:", error)
            assert await store.missing([Digest.of(large)]) == {Digest.of(large)}
            assert await get(store, Digest.of(small)) == small
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await put(store, large)
            assert await get(store, Digest.of(large)) == large
            assert store.read_only is None
            print("stored")

    asyncio.run(main())
"""


def test_a_real_limit_of_the_operating_system_is_a_full_disk(folder: Path) -> None:
    program = textwrap.dedent(FULL_DISK)
    result = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stderr == ""
    assert result.stdout.startswith("full: no room is left: [Errno 27]")
    assert result.stdout.endswith("stored\n")
