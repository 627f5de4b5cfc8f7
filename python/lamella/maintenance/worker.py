"""Runs work in the background of a server."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamella.errors import LamellaError
from lamella.maintenance.lock import maintenance_lock
from lamella.maintenance.pace import Pace, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Work that is done again and again."""

    name: str
    """What the log calls it."""
    interval: float
    """Seconds from the end of one run to the next."""
    run: Callable[[Pace], object]
    """Does it, in a thread; pauses now and then, and leaves all as it should be where a pause raises ``Stopped``."""


async def maintain(data_folder: Path, jobs: Sequence[Job], share: float) -> None:
    """Run jobs, one at a time, until cancelled; then the one that runs is stopped and waited for.

    A run is left out while another process maintains the folder.
    """
    turn = asyncio.Lock()
    await asyncio.gather(*(_repeat(data_folder, job, share, turn) for job in jobs))


async def _repeat(data_folder: Path, job: Job, share: float, turn: asyncio.Lock) -> None:
    while True:
        await asyncio.sleep(job.interval)
        async with turn:
            pace = Pace(share)
            running = asyncio.ensure_future(asyncio.to_thread(_run, data_folder, job, pace))
            try:
                await asyncio.shield(running)
            finally:
                pace.stop()
                await asyncio.wait([running])


def _run(data_folder: Path, job: Job, pace: Pace) -> None:
    try:
        with maintenance_lock(data_folder) as taken:
            if taken:
                job.run(pace)
    except Stopped:
        logger.info("%s stops half-way; it goes on when the server runs again", job.name)
    except (LamellaError, OSError):
        logger.exception("%s failed; it is tried again later", job.name)
