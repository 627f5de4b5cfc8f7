"""Runs an iterator that blocks in threads, one step ahead of who receives what it yields."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from concurrent.futures import Executor, Future

T = TypeVar("T")


async def read_ahead(threads: Executor, iterator: Iterator[T], close: Callable[[], None]) -> AsyncGenerator[T, None]:
    """Yield what ``iterator`` yields; call ``close`` at the end, once no step is under way."""
    step: Future[T | None] = threads.submit(next, iterator, None)
    try:
        while (value := await asyncio.wrap_future(step)) is not None:
            step = threads.submit(next, iterator, None)
            yield value
    finally:
        # A step that is under way still needs what is to be closed.
        step.cancel()
        step.add_done_callback(lambda _: close())
