"""One process maintains a store at a time, whether it serves it or not."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from lamella.store.try_lock import try_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RETRY_SECONDS: Final = 0.2
"""How often a lock that is taken is tried again."""


@contextmanager
def maintenance_lock(data_folder: Path, waits: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Take the lock until the context is left, and give whether that was possible.

    While another process has it, ``waits`` is asked, again and again, whether to go on waiting.
    """
    descriptor = os.open(data_folder / "maintenance.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not (taken := try_lock(descriptor)) and waits():
            time.sleep(RETRY_SECONDS)
        yield taken
    finally:
        os.close(descriptor)
