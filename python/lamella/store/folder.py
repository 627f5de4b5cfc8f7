"""Opening a store's folder: making it, knowing it for ours, locking it, and clearing what dead processes left."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

from lamella._core import BlobFile, sync_directory
from lamella.errors import StoreError
from lamella.store.layout import FAN_OUT, Layout
from lamella.store.try_lock import try_lock

if TYPE_CHECKING:
    from pathlib import Path

MARKER: Final = b"lamella store 1\n"
"""Content of the marker file: the name of the format, and its version."""

TEMPORARY_PREFIX: Final = ".tmp-"
"""What names begin with that ``BlobFile`` gives to files where they cannot be nameless."""

LOCK_WAIT: Final = 10.0
"""Seconds to wait for another process that is clearing the folder on its own start."""

_MODE: Final = 0o700


class StoreFolder:
    """A folder that this process has locked: shared, among servers, or ``exclusive``, for maintenance.

    Whoever opens it while nobody else has it open clears temporary files and partial uploads.

    Raises:
        StoreError: the folder is not a store, has another format, or is locked.
        OSError: it cannot be made or read.
    """

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        self.layout = Layout(path.absolute())
        self._make()
        self._descriptor = os.open(self.layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(exclusive=exclusive)
        except BaseException:
            os.close(self._descriptor)
            raise

    def close(self) -> None:
        """Give up the lock."""
        os.close(self._descriptor)

    def _make(self) -> None:
        layout = self.layout
        layout.root.mkdir(mode=_MODE, parents=True, exist_ok=True)
        try:
            found = layout.marker.read_bytes()
        except FileNotFoundError:
            self._mark()
        else:
            if found != MARKER:
                raise StoreError(layout.marker, f"the format is {found[:40]!r}, this program reads {MARKER!r}")
        top = [layout.blobs.parent, layout.blobs, layout.recipes.parent, layout.recipes, layout.packs]
        top += [layout.temporary, layout.uploads, layout.quarantine, layout.index]
        for path in [*top, *(layout.blobs / name for name in FAN_OUT)]:
            path.mkdir(mode=_MODE, exist_ok=True)
        # Also where all were there: who made them may have been killed before it came to this.
        for path in (layout.blobs, layout.blobs.parent, layout.recipes.parent, layout.root):
            sync_directory(path)

    def _mark(self) -> None:
        """Make an empty folder a store; the marker is the first name in it, so that no crash leaves others only."""
        layout = self.layout
        names = [entry.name for entry in layout.root.iterdir()]
        foreign = [name for name in names if name != "lost+found" and not name.startswith(TEMPORARY_PREFIX)]
        if foreign and not layout.marker.exists():
            raise StoreError(layout.root, f"is neither empty nor a store: it holds {min(foreign)!r}")
        draft = BlobFile(layout.root)
        draft.write(MARKER)
        draft.sync()
        draft.publish(layout.marker)
        sync_directory(layout.root)

    def _lock(self, *, exclusive: bool) -> None:
        alone = try_lock(self._descriptor)
        if alone:
            for folder in (self.layout.temporary, self.layout.uploads):
                for path in folder.iterdir():
                    path.unlink()
        if exclusive:
            if not alone:
                raise StoreError(self.layout.root, "is in use by another process; stop the server first")
            return
        deadline = time.monotonic() + LOCK_WAIT
        while not try_lock(self._descriptor, fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                raise StoreError(self.layout.root, "is locked for maintenance by another process")
            time.sleep(0.01)
