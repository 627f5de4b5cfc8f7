"""Scrubs a store in the background, a little at a time, over and over."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lamella.index import ScrubState, ScrubTable, UsageTable
from lamella.maintenance.scrub import Cursor, Outcome, Phase, Scrub, ScrubReport

if TYPE_CHECKING:
    from lamella.maintenance.casualties import FindCasualties
    from lamella.maintenance.pace import Pace
    from lamella.store.local import LocalStore

logger = logging.getLogger(__name__)

DEFAULT_DAYS: Final = 7.0
"""How long a cycle takes, unless told otherwise."""

MOST_CREDIT: Final = 3600.0
"""Seconds of reading that are made up for at once, after a time in which nothing was read."""

_DAY: Final = 86400.0


class ScrubCycle:
    """A whole cycle takes about ``days``. It goes on where it was, whoever scrubbed before in this store."""

    def __init__(self, store: LocalStore, days: float, find_casualties: FindCasualties) -> None:
        self._store = store
        self._seconds = days * _DAY
        self._find_casualties = find_casualties
        self._table = ScrubTable(store.index)
        self._usage = UsageTable(store.index)

    def run(self, pace: Pace) -> None:
        """Read what is due by now. Blocks; the caller holds the maintenance lock.

        Raises:
            Stopped: the pace was stopped; the next run goes on from there.
            ReadOnly, StorageFull: the index could not be written.
        """
        now = self._store.blobs.clock()
        state = self._table.get()
        if state is None:
            self._save(ScrubState(int(now), Phase.BLOBS, b"", now, 0))
            return
        with self._store.index.read() as txn:
            rate = self._usage.on_disk(txn) / self._seconds
        # A clock that was set back makes nothing due.
        credit = min(state.credit + max(now - state.at, 0) * rate, MOST_CREDIT * rate)
        if credit <= 0:
            return
        scrub = Scrub(self._store, pace.pause, cursor=Cursor(Phase(state.phase), state.after))
        done = False
        try:
            done = scrub.run(credit)
        finally:
            self._save(_after(state, scrub, now, credit))
            self._tell(scrub.report)
        if done:
            self._begin_again(now)

    def _begin_again(self, now: float) -> None:
        state = self._table.get()
        if state is not None:
            days = (now - state.started) / _DAY
            logger.info("all was scrubbed in %.1f days: %d healed, %d lost", days, state.healed, state.lost)
            self._save(ScrubState(int(now), Phase.BLOBS, b"", now, state.credit, finished=int(now)))

    def _tell(self, report: ScrubReport) -> None:
        """Log which units are misses now; the scrub itself logs the blobs."""
        if not report.lost:
            return
        for casualty in asyncio.run(self._find_casualties(self._store, report.lost)):
            unit = casualty.unit
            logger.error(
                "%s %s in %s is a miss: it needs %s", unit.kind.name.lower(), unit.name, unit.space, casualty.blob
            )

    def _save(self, state: ScrubState) -> None:
        self._store.index.submit(lambda txn: self._table.put(txn, state)).result()


def _after(state: ScrubState, scrub: Scrub, now: float, credit: float) -> ScrubState:
    report, cursor = scrub.report, scrub.cursor
    return replace(
        state,
        phase=cursor.phase,
        after=cursor.after,
        at=now,
        credit=credit - report.bytes,
        healed=state.healed + report.count(Outcome.HEALED),
        lost=state.lost + report.count(Outcome.LOST),
    )
