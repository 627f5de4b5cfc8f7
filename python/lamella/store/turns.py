"""Calls that block and use one thing, one after the other, for a caller who may be cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

P = ParamSpec("P")
T = TypeVar("T")


class Turns:
    """Runs one call at a time in a thread. A cancel does not stop the one that is under way."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._last: Future[Any] | None = None

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread; the caller waits for it before the next call, unless it is cancelled."""
        turn = self._threads.submit(function, *args, **kwargs)
        self._last = turn
        return await asyncio.wrap_future(turn)

    def close(self, close: Callable[[], None]) -> None:
        """Call ``close``, once no call is under way: what is to be closed may still be in use."""
        if self._last is None:
            close()
        else:
            self._last.cancel()
            self._last.add_done_callback(lambda _: close())
