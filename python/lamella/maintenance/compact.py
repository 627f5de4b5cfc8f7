"""Finds the blobs that nobody has used for a while, and turns them cold."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lamella.index import Place
from lamella.store.cold_writer import CannotTurnCold
from lamella.store.compactor import LEAST_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lamella.index import BlobRecord
    from lamella.maintenance.pace import Pace
    from lamella.store.local import LocalStore

logger = logging.getLogger(__name__)

DEFAULT_COLD_AFTER: Final = 3600.0
"""Seconds since its last use after which a blob turns cold."""

PAGE: Final = 1000
"""Index entries read in one transaction."""

TELL: Final = 60.0
"""Seconds of work after which the log says how far it is."""


@dataclass(slots=True)
class CompactReport:
    """What was done so far."""

    blobs: int = 0
    """Blobs that turned cold."""
    bytes: int = 0
    """Their bytes."""
    stored: int = 0
    """Bytes that they take on the disk now, chunks that they share with earlier ones not counted again."""
    kept: int = 0
    """Blobs that stay whole."""
    failed: int = 0
    """Blobs that could not be dealt with now; each is named in the log."""

    @property
    def saved(self) -> int:
        """Bytes of the disk that are free now."""
        return self.bytes - self.stored

    def __str__(self) -> str:
        """Say it in a line of a log."""
        cold = f"{self.blobs} blobs with {self.bytes} bytes are cold now and take {self.stored}: {self.saved} saved"
        return f"{cold}; {self.kept} stay whole, {self.failed} could not be dealt with"


def candidates(store: LocalStore, cold_after: float, pace: Pace) -> Iterator[BlobRecord]:
    """Yield the hot blobs that were not used for ``cold_after`` seconds, and that may turn cold."""
    before = store.blobs.now() - cold_after
    after = None
    while page := store.blobs.page(after, PAGE):
        for record in page:
            hot = record.place is Place.FILE and record.size >= LEAST_SIZE
            if hot and record.used <= before and store.whole.get(record.digest) is None:
                yield record
        after = page[-1].digest
        pace.pause()


def compact(
    store: LocalStore, cold_after: float, pace: Pace, progress: Callable[[CompactReport, int], None] = lambda *_: None
) -> CompactReport:
    """Turn blobs cold; ``progress`` is called with the report so far, and the size of each blob that was dealt with.

    Blocks. Whoever calls it holds the maintenance lock. The log says what was done, and now and then how far it is.

    Raises:
        Stopped: the pace was stopped; what was done stays done.
        StorageFull: there is no room for chunks.
        ReadOnly: the store accepts no writes.
    """
    report, told = CompactReport(), time.monotonic()
    try:
        for record in candidates(store, cold_after, pace):
            _compact_one(store, record, pace, report)
            progress(report, record.size)
            if time.monotonic() - told >= TELL:
                waiting = [record.size for record in candidates(store, cold_after, pace)]
                logger.info("compacting: %s; %d with %d bytes wait", report, len(waiting), sum(waiting))
                told = time.monotonic()
    finally:
        if report != CompactReport():
            logger.info("compacting: %s", report)
    return report


def _compact_one(store: LocalStore, record: BlobRecord, pace: Pace, report: CompactReport) -> None:
    try:
        outcome = store.compactor.compact(record.digest, pace.pause)
    except CannotTurnCold as error:
        logger.warning("%s", error)
        report.failed += 1
    else:
        if outcome is not None and outcome.kept is None:
            report.blobs += 1
            report.bytes += outcome.size
            report.stored += outcome.stored
        elif outcome is not None:
            report.kept += 1
