"""Makes those cold blobs hot again that are read again and again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamella.errors import Corrupted, StorageFull
from lamella.store.limit import NoSpareRoom

if TYPE_CHECKING:
    from lamella.maintenance.pace import Pace
    from lamella.store.local import LocalStore
    from lamella.store.reads import Reads

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class WarmReport:
    """What was done."""

    blobs: int = 0
    """Blobs that are hot again."""
    bytes: int = 0
    """Their bytes, which are those of their files."""
    failed: int = 0
    """Blobs that stay cold for lack of room, until they are read as often again, or are damaged; the log names each."""


def warm(store: LocalStore, reads: Reads, pace: Pace) -> WarmReport:
    """Make blobs hot that are due by their reads. Blocks; whoever calls it holds the maintenance lock.

    Raises:
        Stopped: the pace was stopped; what was done stays done.
        ReadOnly: the store accepts no writes.
    """
    report = WarmReport()
    for digest in reads.due():
        try:
            size = store.warmer.warm(digest, pace.pause)
        except (Corrupted, NoSpareRoom, StorageFull) as error:
            logger.warning("blob %s is read often and does not become hot: %s", digest, error)
            report.failed += 1
        else:
            if size is not None:
                logger.info("blob %s is read often and hot again: %d bytes", digest, size)
                report.blobs += 1
                report.bytes += size
    return report
