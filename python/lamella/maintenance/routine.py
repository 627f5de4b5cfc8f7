"""What a server does now and then: garbage, and uploads and leases whose time is over."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lamella.errors import LamellaError
from lamella.store.limit import LOW

if TYPE_CHECKING:
    from lamella.maintenance.collector import Collector
    from lamella.maintenance.garbage_lock import GarbageLock
    from lamella.maintenance.policy import Policy
    from lamella.maintenance.project_usage import ProjectCounter
    from lamella.store.local import LocalStore

logger = logging.getLogger(__name__)

_LOOK: Final = 1.0
"""Seconds between two looks at whether something is to be done."""

_PAUSE: Final = 0.2
"""Seconds between two collections in a row, while a blob waits for room."""


class Routine:
    """Runs in every serving process; what is due is done by the first that gets the lock.

    ``interval`` is in seconds. Where the store has a limit, garbage is also collected when it is almost reached. After
    a collection the ``counter`` counts what each project takes, if that is due; the next collection does not wait.
    """

    def __init__(
        self,
        store: LocalStore,
        collector: Collector,
        lock: GarbageLock,
        policy: Policy,
        interval: float,
        *,
        counter: ProjectCounter,
    ) -> None:
        self._store = store
        self._collector = collector
        self._lock = lock
        self._policy = policy
        self._interval = interval
        self._counter = counter
        self._counting: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Go on until cancelled."""
        try:
            await self._run()
        finally:
            if self._counting is not None:
                self._counting.cancel()
                await asyncio.wait([self._counting])

    async def _run(self) -> None:
        while True:
            await self._wait()
            if not self._is_due():
                continue
            with self._lock.tried() as held:
                # Another process may just have done it.
                if held and self._is_due():
                    try:
                        await self.once()
                    except (LamellaError, OSError):
                        logger.exception("garbage is not collected")
                    self._lock.done()
                    self._start_counting()

    async def once(self) -> None:
        """Do all of it now; the caller holds the lock."""
        expired = await self._store.uploads.expire()
        released = await self._store.leases.sweep()
        limit, policy = self._store.limit, self._policy
        if limit is not None and limit.is_high:
            policy = replace(policy, budget=int(limit.most * LOW))
        done = await self._collector.collect(policy, hurry=lambda: limit is not None and limit.pressed.is_set())
        logger.info(
            "garbage: %d units and %d blobs removed, %d bytes freed; %d uploads and %d leases had expired",
            done.swept.units,
            done.swept.blobs,
            done.swept.freed,
            expired,
            released,
        )

    def _start_counting(self) -> None:
        if (self._counting is None or self._counting.done()) and self._counter.is_due:
            self._counting = asyncio.create_task(self._count())

    async def _count(self) -> None:
        try:
            await self._counter.refresh()
        except (LamellaError, OSError):
            logger.exception("what each project takes is not counted")

    def _is_due(self) -> bool:
        limit = self._store.limit
        return self._lock.age >= self._interval or (limit is not None and limit.is_high)

    async def _wait(self) -> None:
        """Wait a moment, less where a blob waits for room."""
        await asyncio.sleep(_PAUSE)
        pressed = asyncio.Event() if self._store.limit is None else self._store.limit.pressed
        with suppress(TimeoutError):
            await asyncio.wait_for(pressed.wait(), _LOOK)
