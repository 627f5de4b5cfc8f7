"""The LMDB environment: the only module that calls LMDB."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import lmdb

from lamella.errors import NO_ROOM, LamellaError, StorageFull, StoreError
from lamella.index.group_commit import GroupCommit, Job
from lamella.index.health import Health
from lamella.index.table import Table, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

T = TypeVar("T")
Function: TypeAlias = "Callable[[Transaction], Any]"

FORMAT_VERSION: Final = 1
"""Of keys, values and tables; see ``docs/formats.md``, "Store folder and index"."""

LMDB_FORMAT: Final = 0
"""LMDB 0.9: the file format of the last fifteen years. 1.0 cannot read it, nor the other way round."""

MAP_SIZE: Final = 64 << 30
"""The most bytes that the index may grow to: address space, neither memory nor disk."""

MAX_READERS: Final = 4096
"""Read transactions that may be open at once, over all processes."""

FULL_BELOW: Final = 1 << 20
"""Free bytes below which EIO means a full disk: LMDB reports it for a write that was cut short, as on a full disk."""

TABLES: Final = (
    "meta",
    "blobs",
    "inline",
    "packs",
    "whole",
    "contents",
    "usage",
    "project_usage",
    "uses",
    "leases",
    "leased",
    "layers",
    "steps",
    "actions",
    "counters",
    "manifests",
    "referrers",
    "tags",
    "tagged",
    "hidden_blobs",
    "sha512",
    "sha512_of",
    "cache_exports",
    "cache_unmerged",
)

_VERSION_KEY = b"format"


class Index:
    """Every table of a store. Several processes may have one open, each once, and each after it was forked.

    Raises:
        StoreError: the folder is open in this process already, is damaged, or has another format.
        StorageFull: there is no room for a new index.
    """

    def __init__(self, path: Path, *, map_size: int = MAP_SIZE) -> None:
        self.path = path
        self.health = Health()
        self._process = os.getpid()
        try:
            self._environment = lmdb.open(
                os.fspath(path),
                map_size=map_size,
                mode=0o600,
                max_dbs=len(TABLES),
                max_readers=MAX_READERS,
                lib_version=LMDB_FORMAT,
                # Lookups by digest are random: reading ahead would push out pages that are in use.
                readahead=False,
            )
        except (lmdb.Error, OSError) as error:
            raise self._cannot_open(error) from error
        try:
            self._environment.reader_check()
            self._tables = {name: Table(self._environment.open_db(name.encode())) for name in TABLES}
            self._check_format()
        except lmdb.Error as error:
            self._environment.close()
            raise self._cannot_open(error) from error
        except LamellaError:
            self._environment.close()
            raise
        self._writer: GroupCommit[Function, Any] = GroupCommit(self._execute, f"the index in {path}")

    def table(self, name: str) -> Table:
        """Return one of ``TABLES``."""
        return self._tables[name]

    def read(self) -> Transaction:
        """Begin a reading transaction; a context manager. Keep it short, and never await within it.

        It sees every commit that anybody was told of. One whose process was killed between writing it and telling
        readers (LMDB's ``mti_txnid``) is seen only once somebody has begun a writing transaction after that.
        """
        if self._process != os.getpid():
            raise RuntimeError("the index was opened before a fork")
        return self._environment.begin()

    def submit(self, function: Callable[[Transaction], T]) -> Future[T]:
        """Run ``function`` in a writing transaction, on the writer thread; for callers outside an event loop.

        Functions that wait share one transaction and one sync. One that raises changes nothing and does not disturb
        the others. It must only use the transaction it is given, quickly, and must not wait for another write.

        Raises (in the future):
            ReadOnly: a transaction could not be made durable, now or before.
            StorageFull: the disk or the map is full; nothing was changed.
        """
        return self._writer.submit(function)

    async def write(self, function: Callable[[Transaction], T]) -> T:
        """Run ``function`` in a writing transaction, as ``submit`` does; what it did is durable on return.

        If the caller is cancelled meanwhile, the function may or may not run.
        """
        return await asyncio.wrap_future(self.submit(function))

    def close(self) -> None:
        """Finish the writes that are queued and close the files."""
        self._writer.close()
        self._environment.close()

    def _check_format(self) -> None:
        meta = self.table("meta")
        with self._environment.begin() as txn:
            found = meta.get(txn, _VERSION_KEY)
        if found is None:
            with self._environment.begin(write=True) as txn:
                meta.put(txn, _VERSION_KEY, str(FORMAT_VERSION).encode())
        elif found != str(FORMAT_VERSION).encode():
            version = found.decode(errors="replace")
            raise StoreError(self.path, f"the index has format {version}, this program reads format {FORMAT_VERSION}")

    def _cannot_open(self, error: Exception) -> LamellaError:
        if self._is_full(error):
            return StorageFull(f"the index in {self.path}: {error}")
        return StoreError(self.path, f"the index cannot be opened: {error}")

    def _execute(self, jobs: list[Job[Function, Any]]) -> None:
        outcomes: list[tuple[Any, BaseException | None]] = []
        try:
            self.health.check()
            with self._environment.begin(write=True) as txn:
                outcomes = [self._run(job.work, txn) for job in jobs]
        except Exception as error:  # noqa: BLE001 - every job hears of it, and the thread must go on to say so
            failure = error if isinstance(error, LamellaError) else self._not_durable(error)
            outcomes = [(None, failure)] * len(jobs)
        for job, (result, exception) in zip(jobs, outcomes, strict=True):
            if exception is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(exception)

    def _run(self, function: Function, parent: Transaction) -> tuple[Any, BaseException | None]:
        """Run one function in a transaction of its own, so that its failure is only its own."""
        try:
            with self._environment.begin(write=True, parent=parent) as txn:
                return function(txn), None
        except lmdb.MapFullError as error:
            return None, self._full(error)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever submitted the function
            return None, error

    def _not_durable(self, error: Exception) -> LamellaError:
        if self._is_full(error) and self._takes_writes():
            return self._full(error)
        return self.health.fail(f"the index in {self.path} could not be written: {error}")

    def _is_full(self, error: Exception) -> bool:
        if isinstance(error, lmdb.MapFullError):
            return True
        code = getattr(error, "code", 0)
        if code != errno.EIO:
            return code in NO_ROOM
        file_system = os.statvfs(self.path)
        return file_system.f_bavail * file_system.f_frsize < FULL_BELOW

    def _takes_writes(self) -> bool:
        """Tell whether a failed commit changed nothing.

        A file system that copies what is overwritten has no room for the last page of a commit, either. Then LMDB
        cannot tell whether the disk has it, and refuses all that follows (MDB_PANIC).
        """
        try:
            with self._environment.begin(write=True):
                return True
        except lmdb.Error:
            return False

    def _full(self, error: Exception) -> StorageFull:
        return StorageFull(f"the index in {self.path}, at most {self._environment.info()['map_size']} bytes: {error}")
