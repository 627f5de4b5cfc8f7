"""One collection at a time: a lock that all processes that have a store open agree on.

It is not the lock of other maintenance: a blob that waits for room cannot wait until a large store is compacted.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

from lamella.store.try_lock import try_lock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

_LOOK: Final = 0.2
"""Seconds between two tries to get the lock."""


class GarbageLock:
    """``flock`` on a file of the store's folder; its time of change is when garbage was last collected."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            path.touch(mode=0o600)

    @property
    def age(self) -> float:
        """Seconds since the last collection, or since there is a lock; or until then, where the clock was set back."""
        return abs(time.time() - self._path.stat().st_mtime)

    def done(self) -> None:
        """Remember that garbage was collected now."""
        os.utime(self._path)

    @contextmanager
    def tried(self) -> Iterator[bool]:
        """Hold the lock until the context is left, if nobody has it; tell whether it is held."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            yield try_lock(descriptor)
        finally:
            os.close(descriptor)

    @asynccontextmanager
    async def held(self, waiting: Callable[[], None]) -> AsyncIterator[None]:
        """Hold the lock until the context is left; calls ``waiting`` once where somebody else has it now."""
        told = False
        while True:
            with self.tried() as held:
                if held:
                    yield
                    return
            if not told:
                waiting()
                told = True
            await asyncio.sleep(_LOOK)
