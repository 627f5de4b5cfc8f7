"""Noticing that the clock was set back, after which it cannot be told what was used since a moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from lamella.errors import LamellaError

if TYPE_CHECKING:
    from collections.abc import Callable

SLACK: Final = 1.0
"""Seconds that the clock may lag behind without harm: ``ClockGuard.start`` is that much earlier."""


class ClockSetBack(LamellaError):
    """The clock was set back while garbage was collected: what is left stays until the next time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the clock was set back by {seconds:.1f} s while garbage was collected, which ends early")
        self.seconds = seconds


class ClockGuard:
    """Compares a clock with one that is never set; whatever is used from now on is used at ``start`` or later."""

    def __init__(self, clock: Callable[[], float], steady: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._steady = steady
        self._offset = clock() - steady()
        self.start = int(clock() - SLACK)

    def check(self) -> None:
        """Go on, or raise ``ClockSetBack``."""
        back = self._offset - (self._clock() - self._steady())
        if back > SLACK:
            raise ClockSetBack(back)
