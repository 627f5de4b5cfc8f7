"""Rebuilds what the index knows of a store's blobs from the blobs themselves."""

from __future__ import annotations

import logging
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lamella._core import hash_file, sync_directory
from lamella.index import Blobs, Index, Place
from lamella.index.verify import find_damage
from lamella.model import Digest
from lamella.store.folder import StoreFolder
from lamella.store.layout import FAN_OUT, Layout
from lamella.store.reindex_packs import PackReindex, RecipeReindex, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import DirEntry

    from lamella.index import BlobRecord
    from lamella.index.table import Transaction

logger = logging.getLogger(__name__)

BATCH: Final = 256
"""Files hashed, or records checked, between two transactions."""

_HEX = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(slots=True)
class ReindexReport:
    """What was found so far. Each damaged, foreign or lost thing is also named in the log."""

    files: int = 0
    """Files that are what their name says."""
    bytes: int = 0
    """Bytes in those files."""
    adopted: int = 0
    """Blobs in files, packs and recipes that the index did not know."""
    quarantined: int = 0
    """Files that are not what their name says, or no blobs at all: moved to the folder ``quarantine``."""
    packs: int = 0
    """Packs, and of their blobs all are what they are called but for those that are lost."""
    cold: int = 0
    """Recipes whose chunks are all there."""
    inline: int = 0
    """Blobs in the index that are what their key says."""
    lost: int = 0
    """Blobs that the index knew and whose bytes are gone or damaged: forgotten."""
    index_damage: str | None = None
    """Why the index as a whole was moved to ``quarantine`` and a new one begun, if so."""


def reindex(path: Path, progress: Callable[[ReindexReport], None] = lambda _: None) -> ReindexReport:
    """Hash every blob of a store that nobody serves, and make the index agree; ``progress`` is called now and then.

    Tables other than those of blobs stay as they are, unless the index is damaged: then it starts anew, and what only
    it holds is lost; see ``docs/formats.md``, "Store folder and index". May be run again after it was interrupted.

    Raises:
        StoreError: the folder is no store, or in use.
        StorageFull: there is no room for the index.
    """
    folder = StoreFolder(path, exclusive=True)
    try:
        report = ReindexReport()
        _replace_damaged_index(folder.layout, report)
        index = Index(folder.layout.index)
        try:
            _Reindex(folder.layout, index, report, progress).run()
        finally:
            index.close()
    finally:
        folder.close()
    return report


def _replace_damaged_index(layout: Layout, report: ReindexReport) -> None:
    if not (layout.index / "data.mdb").exists():
        return
    report.index_damage = find_damage(layout.index)
    if report.index_damage is not None:
        logger.error("the index is damaged and set aside: %s", report.index_damage)
        layout.index.replace(layout.quarantine / f"index-{time.time_ns()}")
        layout.index.mkdir(mode=0o700)
        sync_directory(layout.root)


class _Reindex:
    def __init__(
        self, layout: Layout, index: Index, report: ReindexReport, progress: Callable[[ReindexReport], None]
    ) -> None:
        self._layout = layout
        self._index = index
        self._blobs = Blobs(index)
        self._packs = PackReindex(layout, index, self._blobs)
        self._recipes = RecipeReindex(layout, index, self._blobs)
        self._report = report
        self._progress = progress

    def run(self) -> None:
        """Take in every file and pack first, then drop the records that are left without; last what needs chunks."""
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for name in FAN_OUT:
                # What a crash has left has a name, which may not be durable yet: no record is to rely on it before.
                sync_directory(self._layout.blobs / name)
                with os.scandir(self._layout.blobs / name) as entries:
                    while batch := list(islice(entries, BATCH)):
                        checked = threads.map(partial(self._check, name), batch)
                        found = [blob for blob in checked if blob is not None]
                        self._index.submit(partial(self._adopt, found)).result()
                        self._report.files += len(found)
                        self._report.bytes += sum(size for _, size in found)
                        self._report.quarantined += len(batch) - len(found)
                        self._progress(self._report)
        for adopted in self._packs.take_in():
            if adopted is None:
                self._report.quarantined += 1
            else:
                self._report.packs += 1
                self._report.adopted += adopted
            self._progress(self._report)
        self._drop_lost({Place.FILE, Place.INLINE, Place.PACKED})
        self._packs.drop_lost()
        for new in self._recipes.take_in():
            if new is None:
                self._report.quarantined += 1
            else:
                self._report.cold += 1
                self._report.adopted += new
            self._progress(self._report)
        self._drop_lost({Place.RECIPE})
        self._drop_lost({Place.INFLATED})

    def _drop_lost(self, places: set[Place]) -> None:
        for page in self._pages():
            lost = [record for record in page if record.place in places and not self._is_whole(record)]
            self._index.submit(partial(self._forget, lost)).result()
            if Place.INLINE in places:
                self._report.inline += sum(record.place is Place.INLINE for record in page if record not in lost)
            self._report.lost += len(lost)
            self._progress(self._report)

    def _check(self, folder: str, entry: DirEntry[str]) -> tuple[Digest, int] | None:
        """Hash a file and return what it is, or set it aside where that is not what its name says."""
        reason = "not the name of a blob in this folder"
        if _HEX.match(entry.name) and entry.name.startswith(folder) and entry.is_file(follow_symlinks=False):
            try:
                raw, size = hash_file(entry.path)
            except OSError as error:
                reason = str(error)
            else:
                if raw.hex() == entry.name:
                    return Digest(raw), size
                reason = f"its bytes have sha256:{raw.hex()}"
        set_aside(self._layout, Path(entry.path), reason)
        return None

    def _adopt(self, found: list[tuple[Digest, int]], txn: Transaction) -> None:
        for digest, size in found:
            record = self._blobs.find(txn, digest)
            # Of a cold or inflated blob the whole copy is left by a crash; it needs no chunks, and no source.
            if record is None or record.size != size or record.place in (Place.RECIPE, Place.INFLATED):
                self._blobs.put(txn, digest, size)
                self._report.adopted += 1

    def _pages(self) -> Iterator[list[BlobRecord]]:
        after = None
        while page := self._blobs.page(after, BATCH):
            yield page
            after = page[-1].digest

    def _is_whole(self, record: BlobRecord) -> bool:
        if record.place is Place.INLINE:
            found = self._blobs.read(record.digest)
            whole = found is not None and found[1] is not None and Digest.of(found[1]) == record.digest
        elif record.place is Place.PACKED:
            whole = self._packs.holds(record)
        elif record.place is Place.RECIPE:
            whole = self._recipes.holds(record)
        elif record.source is not None:
            whole = self._blobs.get(record.source) is not None
        else:
            whole = self._layout.blob(record.digest).exists()
        if not whole:
            logger.error("blob %s is lost", record.digest)
        return whole

    def _forget(self, records: list[BlobRecord], txn: Transaction) -> None:
        for record in records:
            self._blobs.remove(txn, record.digest)
