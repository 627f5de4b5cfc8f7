"""Being told to stop, and to stop at once."""

from __future__ import annotations

import asyncio
import signal
from typing import Self


class Stop:
    """Two events: ``requested``, and ``now`` for those that will not wait for running calls."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.now = asyncio.Event()

    @classmethod
    def on_signals(cls) -> Self:
        """Listen, in the running event loop: the first SIGTERM or SIGINT requests, the second means now."""
        stop = cls()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.request)
        return stop

    def request(self) -> None:
        """Request, or insist."""
        (self.now if self.requested.is_set() else self.requested).set()
