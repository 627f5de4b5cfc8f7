"""A process that dies after LMDB has written a commit, and before it has told readers: they see the one before."""

from __future__ import annotations

import asyncio
import multiprocessing
import struct
import threading
from typing import TYPE_CHECKING, Any, TypeAlias

from lamella.model import Digest
from lamella.store import LocalStore
from tests.suites.blob_store import put
from tests.unit.store.layers import layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

    from lamella.index import Place
    from lamella.index.table import Transaction

Change: TypeAlias = "Callable[[LocalStore], object]"

LAYER = layer()
DIGEST = Digest.of(LAYER)

COMMITTED = b"committed"

NEWEST = struct.Struct("=Q")
NEWEST_OFFSET = 48
"""Where LMDB 0.9 keeps the number of the transaction that readers begin with, in ``lock.mdb`` (``mti_txnid``)."""


def upload(store: LocalStore) -> None:
    asyncio.run(put(store, LAYER))


def compact(store: LocalStore) -> None:
    store.compactor.compact(DIGEST)


def warm(store: LocalStore) -> None:
    store.warmer.warm(DIGEST)


def remove_leftovers(store: LocalStore) -> None:
    store.leftovers.remove()


def kill_in_commit(folder: Path, change: Change, place: Place) -> None:
    """Let another process change ``LAYER``, and kill it when the record that names its new place is on the disk."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("forkserver").Process(target=_die, args=(folder, change, place, there))
    process.start()
    there.close()
    try:
        with here:
            assert here.poll(60)
            assert here.recv_bytes() == COMMITTED
        with (folder / "index" / "lock.mdb").open("r+b", buffering=0) as lock:
            lock.seek(NEWEST_OFFSET)
            (newest,) = NEWEST.unpack(lock.read(NEWEST.size))
            lock.seek(NEWEST_OFFSET)
            lock.write(NEWEST.pack(newest - 1))
    finally:
        process.kill()
        process.join()


def _die(folder: Path, change: Change, place: Place, pipe: Connection) -> None:
    """Change a blob, and stop in the writing transaction that follows the one which moves it to a place."""
    store = LocalStore(folder)
    submit = store.index.submit

    def stop(_: Transaction) -> None:
        pipe.send_bytes(COMMITTED)
        threading.Event().wait()

    def submit_and_stop(function: Callable[[Transaction], Any]) -> Any:
        future = submit(function)
        future.result()
        record = store.blobs.get(DIGEST)
        if record is not None and record.place is place:
            submit(stop).result()
        return future

    store.index.submit = submit_and_stop  # type: ignore[method-assign]
    change(store)
