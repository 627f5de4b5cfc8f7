"""One thread that takes everything that waits and does it together."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.index.table import Transaction

T = TypeVar("T")

BATCH_LIMIT = 1024
"""The most jobs that share a transaction, so that none waits long for the others."""


@dataclass(eq=False, slots=True)
class Job(Generic[T]):
    """A function to run in a writing transaction, and who waits for it."""

    function: Callable[[Transaction], T]
    future: Future[T] = field(default_factory=Future)


class GroupCommit:
    """Calls ``execute`` with all jobs that came in while it was busy with those before; it never waits for more.

    ``execute`` must settle the future of each job, and must not raise.
    """

    def __init__(self, execute: Callable[[list[Job[object]]], None], name: str) -> None:
        self._execute = execute
        self._queue: SimpleQueue[Job[object] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, function: Callable[[Transaction], T]) -> Future[T]:
        """Queue a function; jobs run in the order they were submitted in.

        Raises:
            RuntimeError: this was closed, or the process is a fork of the one that opened it.
        """
        job = Job(function)
        with self._lock:
            if self._closed or self._process != os.getpid():
                raise RuntimeError("the index was closed" if self._closed else "the index was opened before a fork")
            self._queue.put(job)  # type: ignore[arg-type]  # the future takes what its function returns
        return job.future

    def close(self) -> None:
        """Finish what is queued and stop the thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs = [job]
            last = False
            while not last and len(jobs) < BATCH_LIMIT:
                try:
                    more = self._queue.get_nowait()
                except Empty:
                    break
                if more is None:
                    last = True
                else:
                    jobs.append(more)
            self._execute(jobs)
            if last:
                return
