"""Locks of files (``flock``) that are taken now or not at all."""

from __future__ import annotations

import fcntl
from contextlib import suppress


def try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Lock an open file until it is closed, and return True, or False where somebody else's lock is in the way."""
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return True
    return False
