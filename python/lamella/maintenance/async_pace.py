"""Work in the background that leaves the processor to those who wait for an answer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from lamella.maintenance.pace import LONGEST_SLEEP

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE: Final = 0.5
"""How much of one core background work takes, at the most."""


class AsyncPace:
    """Sleeps as long as the work took, or as another ``share`` asks for, and not longer than ``LONGEST_SLEEP``."""

    def __init__(self, share: float = SHARE, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest = (1 - share) / share
        self._clock = clock
        self.begin()

    def begin(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """Begin to work: the time before was none. While there is a ``hurry``, pauses are short."""
        self._hurry = hurry
        self._resumed = self._clock()

    async def pause(self) -> None:
        """Let others run: between two pieces of work, each a few milliseconds long."""
        worked = self._clock() - self._resumed
        await asyncio.sleep(0 if self._hurry() else min(worked * self._rest, LONGEST_SLEEP))
        self._resumed = self._clock()
