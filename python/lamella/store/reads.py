"""Counts how often cold blobs are read, and tells which of them had better be whole again."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella._core import Recipe

DEFAULT_READS: Final = 2
"""How often a blob that an encoder makes is read until it is to be whole: each read costs as much as compressing it."""

PLAIN_FACTOR: Final = 4
"""How many times as many reads that takes of a blob whose bytes are in its chunks as they are."""

MOST_BLOBS: Final = 10_000
"""Blobs whose reads are counted; beyond them those are forgotten that were not read for longest."""


@dataclass(slots=True)
class _Count:
    """The reads of one blob."""

    times: deque[float]
    """When whole reads ended, the latest as many as it takes."""
    part: int = 0
    """Bytes that were read since then."""
    latest: float = 0.0


class Reads:
    """Reads by this process: ``after`` whole ones within ``period`` seconds make a blob due. Any thread may call it.

    Ranges that together are as long as the blob are one whole read. Of a blob that an encoder makes a range counts from
    the blob's start, for all of that is made.
    """

    def __init__(self, after: int, period: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        if after < 1:
            raise ValueError(f"a blob is read at least once, not {after} times")
        self._after = after
        self.period = period
        self._clock = clock
        self._counts: dict[Digest, _Count] = {}
        self._lock = threading.Lock()

    def note(self, recipe: Recipe, start: int, end: int) -> None:
        """Count a read of a blob's bytes from ``start`` to ``end``."""
        digest, now = Digest(recipe.digest), self._clock()
        needed = self._after if recipe.transform else self._after * PLAIN_FACTOR
        with self._lock:
            # Taken out and put back, so that the first is the one that was not read for longest.
            count = self._counts.pop(digest, None) or _Count(deque(maxlen=needed))
            if count.latest < now - self.period:
                count.part = 0
            count.latest = now
            count.part += end if recipe.transform else end - start
            if count.part >= recipe.size:
                count.part -= recipe.size
                count.times.append(now)
            self._counts[digest] = count
            if len(self._counts) > MOST_BLOBS:
                del self._counts[next(iter(self._counts))]

    def due(self) -> list[Digest]:
        """Return the blobs that were read often enough, and forget their reads, and those that are too long ago."""
        with self._lock:
            since = self._clock() - self.period
            self._counts = {digest: count for digest, count in self._counts.items() if count.latest >= since}
            due = [digest for digest, count in self._counts.items() if _is_due(count.times, since)]
            for digest in due:
                del self._counts[digest]
        return due


def _is_due(times: deque[float], since: float) -> bool:
    return len(times) == times.maxlen and times[0] >= since
