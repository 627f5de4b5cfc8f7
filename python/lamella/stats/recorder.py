"""Counting as calls come in, and writing the counts down once a second."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from lamella.errors import LamellaError
from lamella.index import CounterKey, Counters

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.index import CounterTable

logger = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 1.0
"""How often counts are written down: what a crash may lose."""

MAX_NAMES: Final = 1000
"""The most projects, and the most builders, that one process tells apart in a day; the rest are ``OTHER``."""

OTHER: Final = "other"

_NONE: Final = Counters()


class Recorder:
    """Counts of this process that are not in the index yet. Used from one event loop."""

    def __init__(self, table: CounterTable, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock
        self._pending: dict[CounterKey, Counters] = {}
        self._writing = asyncio.Lock()
        self._projects = _Names()
        self._builders = _Names()
        self._day = ""

    def add(self, counters: Counters, *, project: str, builder: str, instruction: str = "") -> None:
        """Count something that happened now.

        Raises:
            Invalid: a name holds a zero byte or is too long for a key.
        """
        day = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        if day != self._day:
            self._day, self._projects, self._builders = day, _Names(), _Names()
        key = CounterKey(day, self._projects.admit(project), self._builders.admit(builder), instruction)
        self._pending[key] = self._pending.get(key, _NONE) + counters

    async def flush(self) -> None:
        """Write down everything that was counted so far; what cannot be written stays for the next time.

        Raises:
            LamellaError: the index takes no writes.
        """
        # Who waits may go: a server that stops, a client that leaves. What was taken is written nevertheless.
        await asyncio.shield(self._flush())

    async def _flush(self) -> None:
        # Also waits for what another call writes: whoever reads the index then finds that, too.
        async with self._writing:
            pending, self._pending = self._pending, {}
            if not pending:
                return
            try:
                await self._table.add(pending)
            except LamellaError:
                for key, counters in pending.items():
                    self._pending[key] = self._pending.get(key, _NONE) + counters
                raise

    async def run(self) -> None:
        """Flush once a second until cancelled, and log once when that begins to fail."""
        failing = False
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
                failing = False
            except LamellaError:
                if not failing:
                    logger.exception("statistics cannot be written; they stay in memory")
                failing = True


class _Names:
    def __init__(self) -> None:
        self._known: set[str] = set()

    def admit(self, name: str) -> str:
        if name in self._known:
            return name
        if len(self._known) >= MAX_NAMES:
            return OTHER
        self._known.add(name)
        return name
