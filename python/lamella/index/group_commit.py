"""One thread that takes everything that waits and does it together."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Work = TypeVar("Work")
Result = TypeVar("Result")

BATCH_LIMIT: Final = 1024
"""The most jobs that are done together, so that none waits long for the others."""


@dataclass(eq=False, slots=True)
class Job(Generic[Work, Result]):
    """Something to do, and who waits for it."""

    work: Work
    future: Future[Result] = field(default_factory=Future)


class GroupCommit(Generic[Work, Result]):
    """Calls ``execute`` with the jobs that came in while it was busy with those before; it never waits for more.

    ``execute`` must settle the future of each job, and must not raise. Jobs cancelled by then are left out.
    """

    def __init__(self, execute: Callable[[list[Job[Work, Result]]], None], name: str) -> None:
        self._execute = execute
        self._name = name
        self._queue: SimpleQueue[Job[Work, Result] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> Future[Result]:
        """Queue a job; jobs are handed on in the order they were submitted in.

        Raises:
            RuntimeError: this was closed, or was made before the process was forked.
        """
        job: Job[Work, Result] = Job(work)
        with self._lock:
            if self._process != os.getpid():
                raise RuntimeError(f"{self._name} was opened before a fork")
            if self._closed:
                raise RuntimeError(f"{self._name} is closed")
            self._queue.put(job)
        return job.future

    def close(self) -> None:
        """Finish what is queued and stop the thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        closed = False
        while not closed:
            jobs, closed = self._take()
            jobs = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if jobs:
                self._execute(jobs)

    def _take(self) -> tuple[list[Job[Work, Result]], bool]:
        """Wait for a job and return all that are there, and whether they are the last."""
        jobs: list[Job[Work, Result]] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == BATCH_LIMIT:
                return jobs, False
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True
