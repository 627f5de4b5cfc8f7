"""Runs what a command does so that it tidies up, whatever asks it to stop."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; SIGTERM, which ends jobs of a CI, and SIGHUP interrupt it as Ctrl+C does.

    Raises:
        KeyboardInterrupt: it was interrupted; all that was to be done at its end is done.
    """
    try:
        return asyncio.run(_listening(work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _listening(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    if task is not None and threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work
