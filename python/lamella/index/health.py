"""Whether the disk still takes what is written to it."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING, NoReturn

from lamella.errors import NO_ROOM, ReadOnly, StorageFull

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

DISK_FAILED = frozenset({errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESTALE})
"""Error numbers of a write to a disk that can no longer be relied on."""


class Health:
    """Turns read-only, for the rest of the process, at the first write that the disk did not take.

    After a failed fsync the kernel drops the pages and marks them clean, so that a second one succeeds and lies
    (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020): there is nothing to retry.
    """

    def __init__(self) -> None:
        self._reason: str | None = None

    @property
    def read_only(self) -> str | None:
        """Why nothing is written any more, or None while all is well."""
        return self._reason

    def check(self) -> None:
        """Raise ``ReadOnly`` where a write failed before."""
        if self._reason is not None:
            raise ReadOnly(self._reason)

    def fail(self, reason: str) -> ReadOnly:
        """Turn read-only and return the error to raise; the first reason stays."""
        if self._reason is None:
            self._reason = reason
            logger.critical("the store turns read-only: %s", reason)
        return ReadOnly(self._reason)

    def write_failed(self, error: OSError) -> NoReturn:
        """Raise what a failed write means; errors that say nothing about the disk are raised as they are."""
        if error.errno in NO_ROOM:
            raise StorageFull(str(error)) from error
        if error.errno in DISK_FAILED:
            raise self.fail(str(error)) from error
        raise error

    def sync_failed(self, error: OSError) -> NoReturn:
        """Raise what a failed fsync of content that is now thrown away means: no room, or read-only."""
        if error.errno in NO_ROOM:
            raise StorageFull(str(error)) from error
        raise self.fail(f"fsync failed: {error}") from error

    def folder_sync_failed(self, folder: Path, error: OSError) -> NoReturn:
        """Raise what a failed fsync of a folder means: earlier names in it may be lost too, and no retry could tell."""
        raise self.fail(f"fsync of {folder} failed: {error}") from error
