"""Where things are in a store's folder; see ``docs/formats.md``, "Store folder and index"."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lamella.index import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lamella.index import BlobRecord
    from lamella.model import Digest

FAN_OUT: Final = tuple(f"{byte:02x}" for byte in range(256))
"""Names of the folders that blobs' files and recipes are spread over: the first byte of their digest."""

PACK_SUFFIX: Final = ".pack"
"""What follows a pack's id, 16 hex digits, in the name of its file."""

_PACK_NAME: Final = re.compile(rf"([0-9a-f]{{16}}){re.escape(PACK_SUFFIX)}\Z")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below ``root``."""

    root: Path

    @property
    def marker(self) -> Path:
        """Says that the folder is a store, and its format."""
        return self.root / "format"

    @property
    def lock(self) -> Path:
        """Locked, shared, by who serves the store, and alone by who maintains it."""
        return self.root / "lock"

    @property
    def garbage_lock(self) -> Path:
        """Locked by the one process that collects garbage."""
        return self.root / "garbage.lock"

    @property
    def index(self) -> Path:
        """The LMDB environment."""
        return self.root / "index"

    @property
    def blobs(self) -> Path:
        """Holds the ``FAN_OUT`` folders."""
        return self.root / "blobs" / "sha256"

    @property
    def packs(self) -> Path:
        """Holds the packs."""
        return self.root / "packs"

    @property
    def recipes(self) -> Path:
        """Holds the ``FAN_OUT`` folders of recipes."""
        return self.root / "recipes" / "sha256"

    @property
    def temporary(self) -> Path:
        """Files that mean nothing once their process is gone."""
        return self.root / "temporary"

    @property
    def uploads(self) -> Path:
        """Partial files of uploads that can be resumed."""
        return self.root / "uploads"

    @property
    def quarantine(self) -> Path:
        """Files that are not what their name says, kept for people to look at."""
        return self.root / "quarantine"

    def blob_folder(self, digest: Digest) -> Path:
        """Return the folder of a blob's file."""
        return self.blobs / digest.hex[:2]

    def blob(self, digest: Digest) -> Path:
        """Return the file of a blob."""
        return self.blob_folder(digest) / digest.hex

    def recipe(self, digest: Digest) -> Path:
        """Return the file of the recipe that a blob is rebuilt from."""
        return self.recipes / digest.hex[:2] / digest.hex

    def pack(self, pack: int) -> Path:
        """Return the file of a pack."""
        return self.packs / f"{pack:016x}{PACK_SUFFIX}"

    def holder(self, record: BlobRecord) -> Path | None:
        """Return the file without which a blob cannot be read; None where the index holds its bytes."""
        if record.place is Place.FILE:
            return self.blob(record.digest)
        if record.place is Place.RECIPE:
            return self.recipe(record.digest)
        return None if record.location is None else self.pack(record.location.pack)

    def has(self, record: BlobRecord) -> bool:
        """Tell whether the file without which a blob cannot be read is there."""
        holder = self.holder(record)
        return holder is None or holder.exists()


def pack_id(name: str) -> int | None:
    """Return the id of the pack that has its file under a name, or None where no pack has."""
    found = _PACK_NAME.match(name)
    return None if found is None else int(found[1], 16)


@contextmanager
def locked_folder(path: Path, *, exclusive: bool) -> Iterator[int]:
    """Lock a folder of blob files, and of their recipes, and yield its descriptor; waits for as long as it takes.

    Whoever publishes holds it shared from giving a file its name until the index knows it; whoever removes holds it
    alone from taking a blob out of the index until its file is gone. So no blob that comes back while it is being
    deleted loses its file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield descriptor
    finally:
        os.close(descriptor)
