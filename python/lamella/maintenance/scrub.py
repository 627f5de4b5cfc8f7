"""Reads everything that a store has, heals what is damaged, and takes out what cannot be healed."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from lamella.errors import ReadOnly, StorageFull
from lamella.index import PackTable, Place
from lamella.model import Digest
from lamella.store.inspector import Damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lamella.index import BlobRecord, PackRecord
    from lamella.store.local import LocalStore

A = TypeVar("A")
B = TypeVar("B")

logger = logging.getLogger(__name__)

PAGE: Final = 1000
"""Records read from the index in one transaction."""

BATCH_BYTES: Final = 8 << 20
"""Bytes that each thread reads, about, between two pauses; a single file may have more."""


class Phase(IntEnum):
    """What is read when: chunks before the recipes that name them. The numbers are part of the index's format."""

    BLOBS = 0
    """Files of hot blobs, and bytes in the index."""
    PACKS = 1
    RECIPES = 2


class Outcome(StrEnum):
    """What was done about damage."""

    HEALED = "healed"
    """The blob is whole again, from another copy."""
    LOST = "lost"
    """The blob was taken out of the store, and is a miss."""
    REWRITTEN = "rewritten"
    """The bytes belong to no blob; the pack was written anew without them."""
    LEFT = "left"
    """Nothing could be done, since the store accepts no writes or has no room."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on: after the digest, or the id of the pack in 8 bytes, that was looked at last in a phase."""

    phase: Phase = Phase.BLOBS
    after: bytes = b""


@dataclass(frozen=True, slots=True)
class Finding:
    """Damage, and what was done about it."""

    damage: Damage
    outcome: Outcome


@dataclass(slots=True)
class ScrubReport:
    """What was looked at so far; ``bytes`` are those on the disk."""

    blobs: int = 0
    packs: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def lost(self) -> set[Digest]:
        """The blobs that are misses now."""
        found = (finding for finding in self.findings if finding.outcome is Outcome.LOST)
        return {finding.damage.digest for finding in found if finding.damage.digest is not None}

    def count(self, outcome: Outcome) -> int:
        """Return how many findings had an outcome."""
        return sum(finding.outcome is outcome for finding in self.findings)


_Batch: TypeAlias = "tuple[Sequence[BlobRecord], Sequence[PackRecord], int, Cursor]"
"""Blobs, packs, the bytes that they take on the disk, and where to go on after them."""


class Scrub:
    """Blocks. Whoever runs it holds the maintenance lock; servers, and other maintenance, may change the store.

    Of a cold blob its recipe is read, and each of its chunks where that is: it need not be rebuilt. Files that no
    record names are left alone, since nobody reads them. ``pause`` is called with the bytes that were read (0 within a
    file), and may raise to stop; ``cursor`` is where to go on then.
    """

    def __init__(
        self,
        store: LocalStore,
        pause: Callable[[int], None] = lambda _: None,
        *,
        cursor: Cursor | None = None,
        threads: int = 1,
    ) -> None:
        self.report = ScrubReport()
        self.cursor = cursor or Cursor()
        self._store = store
        self._inspector = store.inspector
        self._pause = pause
        self._threads = threads
        self._packs = PackTable(store.index)
        self._seen: set[Damage] = set()
        self._lost_some = False

    def run(self, budget: float = float("inf")) -> bool:
        """Go on until about ``budget`` bytes are read; True when all was read.

        Where a blob is lost, every recipe is looked at again before this returns, since it may name the blob.
        """
        try:
            return self._run(budget)
        finally:
            self._store.healer.rest()

    def _run(self, budget: float) -> bool:
        done = True
        with ThreadPoolExecutor(self._threads, thread_name_prefix="scrub") as threads:
            for batch in self._batches(self.cursor):
                self._look(threads, batch)
                if self.report.bytes >= budget:
                    done = False
                    break
            while self._lost_some:
                self._lost_some = False
                for blobs, _, _, _ in self._recipes(b""):
                    self._look_at_blobs(threads, blobs)
                    self._pause(0)
        return done

    def _look(self, threads: ThreadPoolExecutor, batch: _Batch) -> None:
        blobs, packs, size, cursor = batch
        if cursor.phase is Phase.RECIPES and self.cursor.phase is not Phase.RECIPES:
            self._lost_some = False  # all recipes are yet to be looked at
        self._look_at_blobs(threads, blobs)
        self._look_at_packs(threads, [pack.pack for pack in packs])
        self.report.blobs += len(blobs)
        self.report.packs += len(packs)
        self.report.bytes += size
        self.cursor = cursor
        self._pause(size)

    def _look_at_blobs(self, threads: ThreadPoolExecutor, blobs: Sequence[BlobRecord]) -> None:
        alone = [record for record in blobs if record.location is None]
        for record, damage in zip(alone, self._map(threads, self._inspect, alone), strict=True):
            if damage is not None:
                self._heal(record, damage)
        packs = {record.location.pack for record in blobs if record.location is not None}
        for pack in packs:
            if not self._inspector.knows_pack(pack) and self._is_pointed_into(pack, blobs):
                self._rescue(pack, [(None, 0, "the index has no record of the pack")])

    def _inspect(self, record: BlobRecord) -> Damage | None:
        if self._threads == 1:
            return self._inspector.blob(record, lambda: self._pause(0))
        return self._inspector.blob(record)  # ``pause`` is never called by two threads at once

    def _map(self, threads: ThreadPoolExecutor, look: Callable[[A], B], things: Iterable[A]) -> Iterator[B]:
        return map(look, things) if self._threads == 1 else threads.map(look, things)

    def _is_pointed_into(self, pack: int, blobs: Sequence[BlobRecord]) -> bool:
        """Tell whether records still point into a pack."""
        found = self._store.blobs.get_many(record.digest for record in blobs).values()
        return any(record.location is not None and record.location.pack == pack for record in found)

    def _look_at_packs(self, threads: ThreadPoolExecutor, packs: Sequence[int]) -> None:
        for pack, damages in zip(packs, self._map(threads, self._inspector.pack, packs), strict=True):
            if damages:
                self._rescue(pack, damages)

    def _heal(self, record: BlobRecord, damage: Damage) -> None:
        try:
            if self._store.healer.heal(record):
                self._found(damage, Outcome.HEALED)
                return
            current = self._store.blobs.get(record.digest)
            if current is None or self._inspector.blob(current) is None:
                return  # somebody else was faster
            inflated = self._store.blobs.inflated_from(record.digest)
            lost = self._store.condemn(record.digest, damage.problem)
        except (ReadOnly, StorageFull):
            lost = False
        self._found(damage, Outcome.LOST if lost else Outcome.LEFT)
        if lost and inflated is not None:
            problem = f"{record.digest}, which it is inflated from, is lost"
            self._found(Damage(inflated.digest, inflated.place, None, None, problem), Outcome.LOST)

    def _rescue(self, pack: int, damages: Sequence[tuple[Digest | None, int, str]]) -> None:
        path = self._inspector.path(pack)

        def damage(digest: Digest | None, offset: int, problem: str) -> Damage:
            return Damage(digest, Place.PACKED, path, offset, problem)

        try:
            rescued = self._store.healer.rescue(pack, self._pause)
        except (ReadOnly, StorageFull):
            for found in damages:
                self._found(damage(*found), Outcome.LEFT)
            return
        needed: set[Digest | None] = set()
        for outcome, records in ((Outcome.HEALED, rescued.healed), (Outcome.LOST, rescued.lost)):
            for record, problem in records.items():
                offset = 0 if record.location is None else record.location.frame_offset
                self._found(damage(record.digest, offset, problem), outcome)
                needed.add(record.digest)
        for digest, offset, problem in damages:
            if digest not in needed and (digest is not None or not needed):
                self._found(damage(None, offset, problem), Outcome.REWRITTEN)

    def _found(self, damage: Damage, outcome: Outcome) -> None:
        if damage in self._seen:
            return
        self._seen.add(damage)
        where = damage.path or "the index"
        at = "" if damage.offset is None else f" at {damage.offset}"
        logger.error("%s in %s%s: %s: %s", damage.digest or "no blob", where, at, damage.problem, outcome)
        self.report.findings.append(Finding(damage, outcome))
        self._lost_some = self._lost_some or outcome is Outcome.LOST

    def _batches(self, cursor: Cursor) -> Iterator[_Batch]:
        if cursor.phase is Phase.BLOBS:
            yield from self._blobs(cursor.after)
            cursor = Cursor(Phase.PACKS)
        if cursor.phase is Phase.PACKS:
            yield from self._all_packs(cursor.after)
            cursor = Cursor(Phase.RECIPES)
        yield from self._recipes(cursor.after)

    def _blobs(self, after: bytes) -> Iterator[_Batch]:
        """Yield what is in files and in the index; of packed blobs only the records are looked at."""
        for page in self._pages(after):
            yield from self._split(page, Phase.BLOBS, [Place.FILE, Place.INLINE])

    def _recipes(self, after: bytes) -> Iterator[_Batch]:
        for page in self._pages(after):
            yield from self._split(page, Phase.RECIPES, [Place.RECIPE])

    def _pages(self, after: bytes) -> Iterator[list[BlobRecord]]:
        last = Digest(after) if after else None
        while page := self._store.blobs.page(last, PAGE):
            yield page
            last = page[-1].digest

    def _split(self, page: list[BlobRecord], phase: Phase, places: Sequence[Place]) -> Iterator[_Batch]:
        batch: list[BlobRecord] = []
        size = 0
        for record in page:
            if record.place in places or (phase is Phase.BLOBS and record.place is Place.PACKED):
                batch.append(record)
            size += record.stored if record.place in places else 0
            if size >= self._threads * BATCH_BYTES:
                yield batch, [], size, Cursor(phase, record.digest.raw)
                batch, size = [], 0
        yield batch, [], size, Cursor(phase, page[-1].digest.raw)

    def _all_packs(self, after: bytes) -> Iterator[_Batch]:
        last = int.from_bytes(after, "big") if after else None
        while page := self._packs.page(last, self._threads):
            last = page[-1].pack
            yield [], page, sum(pack.size for pack in page), Cursor(Phase.PACKS, last.to_bytes(8, "big"))
