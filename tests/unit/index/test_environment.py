from __future__ import annotations

import asyncio
import errno
import multiprocessing
import os
import threading
from typing import TYPE_CHECKING

import lmdb
import pytest

from lamella.errors import ReadOnly, StorageFull, StoreError
from lamella.index import Index

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.index.table import Transaction


def put(index: Index, key: bytes, value: bytes = b"value") -> None:
    meta = index.table("meta")
    index.submit(lambda txn: meta.put(txn, key, value)).result(timeout=30)


def get(index: Index, key: bytes) -> bytes | None:
    with index.read() as txn:
        return index.table("meta").get(txn, key)


async def test_a_write_is_visible_once_it_is_awaited(index: Index) -> None:
    meta = index.table("meta")

    def write(txn: Transaction) -> int:
        meta.put(txn, b"key", b"value")
        return 7

    assert await index.write(write) == 7
    assert get(index, b"key") == b"value"


async def test_writes_that_wait_share_one_transaction_and_keep_their_order(index: Index) -> None:
    meta = index.table("meta")
    release = threading.Event()
    index.submit(lambda _: release.wait())
    transactions: list[int] = []

    def write(txn: Transaction, number: int) -> None:
        meta.put(txn, b"last", b"%d" % number)
        transactions.append(txn.id())

    waiting = [asyncio.wrap_future(index.submit(lambda txn, n=n: write(txn, n))) for n in range(50)]  # type: ignore[misc]
    release.set()
    await asyncio.gather(*waiting)
    assert len(set(transactions)) <= 2
    assert get(index, b"last") == b"49"


async def test_a_function_that_raises_changes_nothing_and_disturbs_no_other(index: Index) -> None:
    meta = index.table("meta")
    release = threading.Event()
    index.submit(lambda _: release.wait())

    def fail(txn: Transaction) -> None:
        meta.put(txn, b"one", b"overwritten")
        raise KeyError("mine")

    first = index.submit(lambda txn: meta.put(txn, b"one", b"1"))
    failing = index.submit(fail)
    last = index.submit(lambda txn: meta.put(txn, b"two", b"2"))
    release.set()
    with pytest.raises(KeyError, match="mine"):
        await asyncio.wrap_future(failing)
    await asyncio.gather(asyncio.wrap_future(first), asyncio.wrap_future(last))
    assert (get(index, b"one"), get(index, b"two")) == (b"1", b"2")


def test_a_cancelled_write_that_has_not_begun_is_left_out(index: Index) -> None:
    release = threading.Event()
    index.submit(lambda _: release.wait())
    ran: list[int] = []
    cancelled = index.submit(lambda _: ran.append(1))
    assert cancelled.cancel()
    release.set()
    put(index, b"after")
    assert ran == []


def test_close_finishes_what_is_queued_and_refuses_more(tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    meta = index.table("meta")
    futures = [index.submit(lambda txn, n=n: meta.put(txn, b"%d" % n, b"")) for n in range(100)]  # type: ignore[misc]
    index.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(RuntimeError, match="closed"):
        index.submit(lambda _: None)


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    put(index, b"key")
    index.close()
    index = Index(tmp_path / "index")
    assert get(index, b"key") == b"value"
    index.close()


def test_the_large_map_takes_no_space_on_disk(index: Index) -> None:
    data = (index.path / "data.mdb").stat()
    assert data.st_size < 1 << 20
    assert data.st_blocks * 512 < 1 << 20


def test_an_environment_opens_once_in_a_process(index: Index) -> None:
    with pytest.raises(StoreError, match="already open"):
        Index(index.path)


def test_another_format_is_refused_by_number(tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    put(index, b"format", b"99")
    index.close()
    with pytest.raises(StoreError, match=r"format 99.*format 1"):
        Index(tmp_path / "index")


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "data.mdb").write_bytes(os.urandom(8192))
    with pytest.raises(StoreError, match="cannot be opened"):
        Index(tmp_path / "index")


def test_a_full_map_fails_that_write_only(tmp_path: Path) -> None:
    index = Index(tmp_path / "index", map_size=256 << 10)
    with pytest.raises(StorageFull, match="262144 bytes"):
        put(index, b"large", bytes(1 << 20))
    put(index, b"small")
    assert get(index, b"small") == b"value"
    assert index.health.read_only is None
    index.close()


def test_a_failed_commit_turns_the_index_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = Index(tmp_path / "index")
    put(index, b"before")
    real = index._environment

    class FailingTransaction:
        """Stands where LMDB's own would be; leaving it reports what LMDB reports for EIO."""

        def __enter__(self) -> Transaction:
            self.txn = real.begin(write=True)
            return self.txn

        def __exit__(self, *_: object) -> None:
            self.txn.abort()
            error = lmdb.Error("mdb_txn_commit: Input/output error")
            error.code = errno.EIO  # type: ignore[misc]  # what the engine sets
            raise error

    class FailingEnvironment:
        def begin(self, write: bool = False, parent: Transaction | None = None) -> object:
            return FailingTransaction() if write and parent is None else real.begin(write=write, parent=parent)

    monkeypatch.setattr(index, "_environment", FailingEnvironment())
    with pytest.raises(ReadOnly, match="could not be written"):
        put(index, b"lost")
    monkeypatch.setattr(index, "_environment", real)
    with pytest.raises(ReadOnly, match="could not be written"):
        put(index, b"refused")
    assert get(index, b"before") == b"value"
    assert get(index, b"lost") is None
    assert index.health.read_only is not None
    index.close()


def _count_up(path: Path, times: int) -> None:
    index = Index(path)
    meta = index.table("meta")

    def increment(txn: Transaction) -> None:
        meta.put(txn, b"count", b"%d" % (int(meta.get(txn, b"count") or b"0") + 1))

    for _ in range(times):
        index.submit(increment).result(timeout=30)
    index.close()


def test_processes_share_an_environment(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_count_up, args=(tmp_path / "index", 50)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    index = Index(tmp_path / "index")
    assert get(index, b"count") == b"150"
    index.close()


def test_a_fork_cannot_use_the_environment_of_its_parent(index: Index) -> None:
    child = os.fork()
    if child == 0:
        refused = 0
        for use in (index.read, lambda: index.submit(lambda _: None)):
            try:
                use()
            except RuntimeError:
                refused += 1
        os._exit(0 if refused == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
