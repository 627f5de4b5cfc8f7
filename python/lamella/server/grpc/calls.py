"""The calls that run now: what a server that stops has to wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamella.server.grpc.caller import Context


class Calls:
    """Counts calls of our services; a health watch, which never ends, is none of them."""

    def __init__(self) -> None:
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self, context: Context) -> None:
        """Count a call until its status has been sent."""
        self._running += 1
        self._idle.clear()
        context.add_done_callback(self._end)  # type: ignore[arg-type] # the stubs want a class of their own

    async def idle(self) -> None:
        """Wait until no call runs."""
        await self._idle.wait()

    def _end(self, _: Context) -> None:
        self._running -= 1
        if self._running == 0:
            self._idle.set()
