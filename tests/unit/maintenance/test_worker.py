from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from lamella.errors import StorageFull
from lamella.maintenance.lock import maintenance_lock
from lamella.maintenance.worker import Job, maintain

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.maintenance.pace import Pace


async def run_for(folder: Path, jobs: list[Job], until: asyncio.Event) -> None:
    task = asyncio.create_task(maintain(folder, jobs, 1.0))
    async with asyncio.timeout(30):
        await until.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_the_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    asked = []

    def wait_twice() -> bool:
        asked.append(True)
        return len(asked) < 2

    with maintenance_lock(tmp_path) as first, maintenance_lock(tmp_path, wait_twice) as second:
        pass
    with maintenance_lock(tmp_path) as third:
        pass
    assert (first, second, third) == (True, False, True)
    assert len(asked) == 2


async def test_jobs_run_again_and_again_whether_they_fail_or_not(tmp_path: Path) -> None:
    loop, enough = asyncio.get_running_loop(), asyncio.Event()
    runs = {"good": 0, "bad": 0}

    def run(name: str) -> None:
        runs[name] += 1
        if min(runs.values()) >= 3:
            loop.call_soon_threadsafe(enough.set)
        if name == "bad":
            raise StorageFull("the disk")

    jobs = [Job(name, 0.001, lambda _, name=name: run(name)) for name in runs]  # type: ignore[misc]
    await run_for(tmp_path, jobs, enough)
    assert min(runs.values()) >= 3


async def test_one_job_runs_at_a_time(tmp_path: Path) -> None:
    loop, enough, running, seen = asyncio.get_running_loop(), asyncio.Event(), [], []

    def run(pace: Pace) -> None:
        running.append(pace)
        seen.append(len(running))
        running.pop()
        if len(seen) > 20:
            loop.call_soon_threadsafe(enough.set)

    await run_for(tmp_path, [Job("one", 0.001, run), Job("other", 0.001, run)], enough)
    assert set(seen) == {1}


async def test_a_job_that_runs_is_stopped_and_waited_for(tmp_path: Path) -> None:
    loop, begun, ended = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def run(pace: Pace) -> None:
        loop.call_soon_threadsafe(begun.set)
        try:
            while True:
                pace.pause()
        finally:
            ended.set()

    await run_for(tmp_path, [Job("endless", 0, run)], begun)
    assert ended.is_set()


async def test_nothing_runs_while_another_process_maintains_the_folder(tmp_path: Path) -> None:
    ran = threading.Event()
    with maintenance_lock(tmp_path):
        task = asyncio.create_task(maintain(tmp_path, [Job("job", 0.001, lambda _: ran.set())], 1.0))
        await asyncio.sleep(0.1)
        assert not ran.is_set()
    async with asyncio.timeout(30):
        await asyncio.to_thread(ran.wait)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
