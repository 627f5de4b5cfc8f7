"""How much of a machine work in the background takes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_SHARE: Final = 0.5
"""The share of one core, unless told otherwise."""

LONGEST_SLEEP: Final = 5.0
"""Seconds: a batch that took long for some other reason is not paid for in full."""


class Stopped(Exception):
    """The work was told to stop."""


class Pace:
    """Sleeps between batches of work, so that it takes no more than its share; ``stop`` ends it, from any thread."""

    def __init__(
        self,
        share: float = DEFAULT_SHARE,
        bytes_per_second: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"a share is more than 0 and at most 1, not {share}")
        self._share = share
        self._rate = bytes_per_second
        self._clock = clock
        self._stop = threading.Event()
        self._resumed = clock()

    def stop(self) -> None:
        """Let the next ``pause`` raise, and one that sleeps return at once."""
        self._stop.set()

    def pause(self, size: int = 0) -> None:
        """Sleep for as long as the batch since the last pause is worth, one that read ``size`` bytes.

        Raises:
            Stopped: ``stop`` was called.
        """
        worked = self._clock() - self._resumed
        sleep = worked * (1 - self._share) / self._share
        if self._rate is not None:
            sleep = max(sleep, size / self._rate - worked)
        if self._stop.wait(min(sleep, LONGEST_SLEEP)) if sleep > 0 else self._stop.is_set():
            raise Stopped
        self._resumed = self._clock()
