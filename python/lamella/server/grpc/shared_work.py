"""Work in threads that takes much memory, so that all calls share a few turns for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


async def start_work(turns: asyncio.Semaphore, prepare: Callable[[], Awaitable[Callable[[], T]]]) -> asyncio.Future[T]:
    """Wait for a turn, prepare what is then called in a thread, and return before that is done.

    The turn lasts until that is done, or given up (``cancel``). Raises what ``prepare`` raises.
    """
    await turns.acquire()
    try:
        working = asyncio.get_running_loop().run_in_executor(None, await prepare())
    except BaseException:
        turns.release()
        raise
    working.add_done_callback(lambda _: turns.release())
    return working
