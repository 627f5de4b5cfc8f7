"""Garbage collection: deciding and removing, with the parts put together over a store."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lamella.index import Place, UnitKind, UsageTable
from lamella.maintenance.candidates import PAGE, Gatherer
from lamella.maintenance.clock_guard import SLACK, ClockGuard
from lamella.maintenance.marker import Marker, pages, split
from lamella.maintenance.plan import Planner, Verdict
from lamella.maintenance.references import References
from lamella.maintenance.repack import repack
from lamella.maintenance.sweep import Sweeper, Swept
from lamella.maintenance.tables import Tables
from lamella.store.repacker import Repacked
from lamella.store.uncounted import UncountedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lamella._core import DigestSet
    from lamella.index import UnitRow
    from lamella.index.table import Transaction
    from lamella.maintenance.async_pace import AsyncPace
    from lamella.maintenance.candidates import Candidates
    from lamella.maintenance.marker import ReadChunks
    from lamella.maintenance.policy import Policy
    from lamella.maintenance.references import ReadAction
    from lamella.store.local import LocalStore


@dataclass(frozen=True, slots=True)
class Collection:
    """What a collection did, or would do; sizes are bytes on the disk.

    ``goes`` are the units that go, each with what its removal frees, ``loose`` and ``loose_bytes`` the blobs beside
    them that nothing needs. ``kept`` is what stays. ``swept`` is what was removed, and ``repacked`` what packs gave
    back to the file system; nothing where it was only asked.
    """

    goes: list[Verdict]
    loose: int
    loose_bytes: int
    kept: int
    swept: Swept
    repacked: Repacked


class Collector:
    """Collects garbage in a store that others use, too; only one collection may run at a time (``GarbageLock``)."""

    def __init__(
        self,
        store: LocalStore,
        read_action: ReadAction,
        read_chunks: ReadChunks,
        pace: AsyncPace,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._read_chunks = read_chunks
        self._pace = pace
        self._steady = steady
        self._tables = Tables(store)
        self._references = References(UncountedStore(store), self._tables, read_action)

    async def collect(
        self,
        policy: Policy,
        *,
        dry_run: bool = False,
        hurry: Callable[[], bool] = lambda: False,
        progress: Callable[[str], None] = lambda _: None,
    ) -> Collection:
        """Remove what the policy lets go, or with ``dry_run`` tell what that is.

        While there is a ``hurry``, it does not rest. ``progress`` is called with what is being done.

        Raises:
            ClockSetBack: the clock was set back; some of it may be left.
            ReadOnly, StorageFull: the index could not be written; some of it may be left.
        """
        store = self._store
        self._pace.begin(hurry)
        guard = ClockGuard(store.blobs.clock, self._steady)
        progress("looking at last uses")
        if not dry_run:
            # Otherwise what a killed process committed last could stay unseen until it goes (``Index.read``).
            await store.index.write(lambda _: None)
            await self._date_units()
        candidates = await Gatherer(self._tables, self._pace).gather(policy, guard.start)
        if not dry_run:
            await self._date_back(candidates)
        marker = Marker(store.blobs, self._read_chunks, self._pace)
        planner = Planner(self._tables, self._references, marker, policy, guard.start)
        progress("finding out what is needed")
        plan = await planner.decide(candidates)
        loose, loose_bytes = await self._count_loose(marker, plan.condemned, guard.start)
        swept, repacked = Swept(), Repacked()
        if not dry_run:
            progress(f"removing {len(plan.goes)} units and the blobs that nothing needs")
            sweeper = Sweeper(store, self._tables.units, self._references, marker, guard)
            await sweeper.sweep([verdict.unit for verdict in plan.goes])
            swept = sweeper.swept
            await self._forget_hidden()
            progress("writing packs anew that hold little in use")
            repacked = await repack(store, self._pace, self._excess(policy))
        return Collection(plan.goes, loose, loose_bytes, plan.kept, swept, repacked)

    def _excess(self, policy: Policy) -> int:
        """Return how many bytes the store still takes beyond the policy's budget."""
        if policy.budget is None:
            return 0
        with self._store.index.read() as txn:
            return max(0, UsageTable(self._store.index).on_disk(txn) - policy.budget)

    async def _date_units(self) -> None:
        """Let units whose last use was never written down be used now, so that their age begins."""
        for kind in UnitKind:
            after: bytes | None = None
            while page := self._tables.units.page(kind, after, PAGE):
                await self._date([unit for unit in page if unit.used is None])
                after = page[-1].key
                await self._pace.pause()

    async def _date_back(self, candidates: Candidates) -> None:
        """Let what was used last in the future, before the clock was set back, be used now: else it stays till then."""
        now = self._store.blobs.now() + SLACK
        ahead = [moment for used, moment in candidates.moments.items() if used > now]
        await self._date([unit for moment in ahead for unit in moment.units])
        await self._date([unit for unit in candidates.attached if unit.used is not None and unit.used > now])
        for page in pages(b"".join(moment.blobs for moment in ahead)):
            await self._store.blobs.touch(split(page))
            await self._pace.pause()

    async def _date(self, units: Sequence[UnitRow]) -> None:
        def date(txn: Transaction, batch: Sequence[UnitRow]) -> None:
            for unit in batch:
                self._tables.units.date(txn, unit)

        for at in range(0, len(units), PAGE):
            await self._store.index.write(partial(date, batch=units[at : at + PAGE]))

    async def _forget_hidden(self) -> None:
        """Forget which repositories had deleted a blob that is gone now."""
        hidden, blobs, after = self._tables.hidden, self._store.blobs, b""
        while page := hidden.page(after, PAGE):
            with self._store.index.read() as txn:
                gone = [key for key in page if hidden.is_gone(txn, key, blobs)]
            if gone:
                await self._store.index.write(partial(hidden.remove_gone, keys=gone, blobs=blobs))
            after = page[-1]
            await self._pace.pause()

    async def _count_loose(self, marker: Marker, condemned: DigestSet, before: int) -> tuple[int, int]:
        count = size = 0
        after = None
        while page := self._store.blobs.page(after, PAGE):
            digests = marker.blobs.absent(b"".join(record.digest.raw for record in page))
            absent = set(split(condemned.absent(digests)))
            loose = [record for record in page if record.digest in absent and record.used < before]
            count += sum(record.place is not Place.INFLATED for record in loose)
            size += sum(record.stored for record in loose)
            after = page[-1].digest
            await self._pace.pause()
        return count, size
