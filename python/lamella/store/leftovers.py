"""Removes files that nothing needs: what crashes and readers of deleted blobs have left, and empty packs."""

from __future__ import annotations

import logging
import os
import re
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from lamella.index import PackTable, Place
from lamella.model import Digest
from lamella.store.layout import FAN_OUT, Layout, locked_folder, pack_id
from lamella.store.recipes import Recipes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lamella.index import Blobs, Index
    from lamella.index.table import Transaction

logger = logging.getLogger(__name__)

PACK_AGE: Final = 3600.0
"""Seconds that a pack without a record is kept, since whoever wrote it may be about to record it."""

PAGE: Final = 1000
"""Packs read from the index in one transaction."""

_HEX = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(slots=True)
class LeftoverReport:
    """What was removed so far."""

    files: int = 0
    bytes: int = 0


class Leftovers:
    """Every method blocks. Servers may be running."""

    def __init__(self, layout: Layout, index: Index, blobs: Blobs) -> None:
        self._layout = layout
        self._blobs = blobs
        self._index = index
        self._packs = PackTable(index)
        self._recipes = Recipes(layout)

    def remove(self, pause: Callable[[], None] = lambda: None, pack_age: float = PACK_AGE) -> LeftoverReport:
        """Remove all that can be; ``pause`` is called between folders, and may raise to stop."""
        report = self.remove_empty_packs()
        self._remove_packs(report, time.time() - pack_age)
        for name in FAN_OUT:
            self._remove_files(report, list((self._layout.blobs / name).iterdir()))
            pause()
        for names in self._recipes.names():
            self._remove_recipes(report, names)
            pause()
        return report

    def remove_empty_packs(self) -> LeftoverReport:
        """Remove the packs from which no blob is read any more."""
        report = LeftoverReport()
        after = None
        while page := self._packs.page(after, PAGE):
            after = page[-1].pack
            if empty := [found.pack for found in page if found.blobs == 0]:
                for pack in self._index.submit(partial(self._forget_empty, empty)).result():
                    _unlink(self._layout.pack(pack), report)
        return report

    def read_recipes(self) -> Iterator[Digest]:
        """Yield the blobs that are not cold any more, and that somebody still reads by their recipes."""
        for names in self._recipes.names():
            yield from (digest for digest in self._unnamed(Place.RECIPE, names) if self._recipes.is_read(digest))

    def _forget_empty(self, packs: list[int], txn: Transaction) -> list[int]:
        """Forget those packs that are still empty, and return them."""
        records = (self._packs.find(txn, pack) for pack in packs)
        empty = [found.pack for found in records if found is not None and found.blobs == 0]
        for pack in empty:
            self._packs.remove(txn, pack)
        return empty

    def _remove_packs(self, report: LeftoverReport, before: float) -> None:
        with os.scandir(self._layout.packs) as entries:
            for entry in entries:
                pack = pack_id(entry.name)
                if pack is None or entry.stat().st_mtime >= before:
                    continue
                if self._index.submit(partial(self._packs.find, pack=pack)).result() is None:
                    _unlink(self._layout.packs / entry.name, report)

    def _remove_files(self, report: LeftoverReport, names: list[Path]) -> None:
        for digest in self._unnamed(Place.FILE, names):
            with locked_folder(self._layout.blob_folder(digest), exclusive=True):
                if self._is_unnamed(Place.FILE, digest):
                    _unlink(self._layout.blob(digest), report)

    def _remove_recipes(self, report: LeftoverReport, names: list[Path]) -> None:
        for digest in self._unnamed(Place.RECIPE, names):
            with (
                locked_folder(self._layout.blob_folder(digest), exclusive=True),
                # That of a blob which somebody reads stays, since it keeps the chunks.
                self._recipes.alone(digest) as alone,
            ):
                if alone and self._is_unnamed(Place.RECIPE, digest):
                    _unlink(self._layout.recipe(digest), report)

    def _unnamed(self, place: Place, names: list[Path]) -> list[Digest]:
        """Return the blobs that have a file although they are in another place, or in none."""
        digests = [Digest(bytes.fromhex(path.name)) for path in names if _HEX.match(path.name)]
        records = self._blobs.get_many(digests)
        return [digest for digest in digests if digest not in records or records[digest].place is not place]

    def _is_unnamed(self, place: Place, digest: Digest) -> bool:
        record = self._blobs.current(digest)
        return record is None or record.place is not place


def _unlink(path: Path, report: LeftoverReport) -> None:
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return
    logger.info("removed %s, which nothing refers to", path)
    report.files += 1
    report.bytes += size
