"""Work in the background that leaves the processor to those who wait for an answer."""

from __future__ import annotations

import asyncio
import time
from typing import Final

SHARE: Final = 0.5
"""How much of one core background work takes, at the most."""


class AsyncPace:
    """Sleeps as long as the work took, or as another ``share`` asks for; not at all in a ``hurry``."""

    def __init__(self, share: float = SHARE) -> None:
        self.hurry = False
        self._rest = (1 - share) / share
        self._resumed = time.monotonic()

    async def pause(self) -> None:
        """Let others run: between two pieces of work, each a few milliseconds long."""
        await asyncio.sleep(0 if self.hurry else (time.monotonic() - self._resumed) * self._rest)
        self._resumed = time.monotonic()
