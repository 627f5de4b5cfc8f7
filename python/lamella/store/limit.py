"""A limit on what a store takes on the disk, held while others write."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

from lamella.errors import LamellaError, StorageFull
from lamella.index import UsageTable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from lamella.index import Index

HIGH: Final = 0.95
"""The share of the limit from which on garbage should be collected: before anybody has to wait."""

LOW: Final = 0.9
"""The share of the limit that a collection leaves at the most, so that it need not be repeated at once."""

PATIENCE: Final = 120.0
"""Seconds that a blob waits for room: as long as it takes to look through a large store."""

_LOOK: Final = 0.1
"""Seconds between two looks at what is stored, which other processes change, too."""


class NoSpareRoom(LamellaError):
    """Work that can wait would take room that is not there, or that blobs wait for."""

    def __init__(self, size: int) -> None:
        super().__init__(f"there is no room for {size} bytes below the limit of the store")


class SizeLimit:
    """Lets blobs in as long as all that is stored is at most ``most`` bytes; the others wait for room.

    Several processes may hold the same limit; each knows what it is about to store itself. ``pressed`` is set as long
    as a blob waits: whoever collects garbage should begin, without pausing.
    """

    def __init__(self, index: Index, most: int, *, patience: float = PATIENCE) -> None:
        self.most = most
        self.pressed = asyncio.Event()
        self._index = index
        self._usage = UsageTable(index)
        self._patience = patience
        self._expected = 0
        self._lock = threading.Lock()
        self._queue = asyncio.Lock()

    @property
    def stored(self) -> int:
        """Bytes that the store takes on the disk."""
        with self._index.read() as txn:
            return self._usage.on_disk(txn)

    @property
    def is_high(self) -> bool:
        """Tell whether garbage should be collected."""
        return self.pressed.is_set() or self.stored > self.most * HIGH

    @asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Wait until there is room for a blob, and keep it free until the context is left.

        Raises:
            StorageFull: there was none in time, or can never be.
        """
        if size > self.most:
            raise StorageFull(f"the store is limited to {self.most} bytes, the blob has {size}")
        async with self._queue:
            await self._wait(size)
        try:
            yield
        finally:
            self._give_back(size)

    @contextmanager
    def spare(self, size: int, share: float = 1.0) -> Iterator[None]:
        """Keep room free for bytes until the context is left, in any thread, for work that need not be done now.

        Only that much of the limit may be taken by then.

        Raises:
            NoSpareRoom: there is none, or a blob waits for it.
        """
        if self.pressed.is_set() or not self._take(size, share):
            raise NoSpareRoom(size)
        try:
            yield
        finally:
            self._give_back(size)

    def _take(self, size: int, share: float = 1.0) -> bool:
        with self._lock:
            fits = self.stored + self._expected + size <= self.most * share
            self._expected += size if fits else 0
        return fits

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._expected -= size

    async def _wait(self, size: int) -> None:
        deadline = time.monotonic() + self._patience
        try:
            while not self._take(size):
                if time.monotonic() > deadline:
                    raise StorageFull(
                        f"the store is limited to {self.most} bytes and holds {self.stored}, "
                        "all in use or kept by a rule"
                    )
                self.pressed.set()
                await asyncio.sleep(_LOOK)
        finally:
            self.pressed.clear()
