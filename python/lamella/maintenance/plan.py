"""Deciding what is kept, and saying of the rest why it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from lamella._core import DigestSet
from lamella.index import UnitKind
from lamella.maintenance.candidates import Candidates, newest_first
from lamella.maintenance.marker import DIGEST_BYTES, pages
from lamella.maintenance.references import Broken

if TYPE_CHECKING:
    from lamella.index import UnitRow
    from lamella.maintenance.marker import Fresh, Marker
    from lamella.maintenance.policy import Policy
    from lamella.maintenance.references import Needs, References
    from lamella.maintenance.tables import Tables


class Why(Enum):
    """Why a unit goes."""

    AGE = "age"
    """Nobody has used it for longer than the limit."""
    SIZE = "size"
    """The limit has no room for it: what is kept was used later."""
    BROKEN = "broken"
    """It has lost what it needs, so it is as good as gone."""
    SUPERSEDED = "superseded"
    """A merge of caches that no longer answers for a tag."""
    SUBJECT = "subject"
    """It refers to a manifest that goes, or is gone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A unit that goes; ``freed`` is what that frees, in bytes on the disk, after what was used before it has gone."""

    unit: UnitRow
    why: Why
    freed: int
    detail: str = ""


@dataclass(slots=True)
class Plan:
    """``kept`` is what all that stays takes on the disk, in bytes; ``condemned`` the blobs that ``goes`` would free."""

    kept: int = 0
    goes: list[Verdict] = field(default_factory=list)
    condemned: DigestSet = field(default_factory=DigestSet)


class Planner:
    """Marks what stays: what is leased or pinned, then what was used last, as long as there is room for it.

    In this order each thing costs what no other needs that stays, and its removal frees just that: so what two units
    share is freed only with the last of them.
    """

    def __init__(self, tables: Tables, references: References, marker: Marker, policy: Policy, now: int) -> None:
        self._tables = tables
        self._references = references
        self._marker = marker
        self._policy = policy
        self._now = now
        self._full = False
        self._doomed: list[tuple[UnitRow, Why, str]] = []
        self._plan = Plan()

    async def decide(self, candidates: Candidates) -> Plan:
        """Mark what stays, and return the rest."""
        leased = b"".join(digest.raw for digest in self._tables.leases.covered())
        self._keep(await self._marker.fresh_blobs(leased))
        for unit in candidates.pinned:
            await self._pin(unit)
        for moment in newest_first(candidates.moments):
            # What a unit needs is often as old as the unit: it is a unit's rather than nobody's.
            for unit in moment.units:
                await self._keep_if_room(unit)
            await self._keep_blobs_if_room(bytes(moment.blobs))
        for moment in newest_first(candidates.expired):
            for unit in moment.units:
                self._doom(unit, Why.AGE)
        for unit in candidates.attached:
            await self._decide_attached(unit)
        await self._judge()
        return self._plan

    def _keep(self, fresh: Fresh) -> None:
        self._marker.add(fresh)
        self._plan.kept += fresh.stored

    async def _needs(self, unit: UnitRow) -> Needs | None:
        """Return what a unit needs; None where it is broken, and goes."""
        try:
            return await self._references.of(unit)
        except Broken as error:
            self._doom(unit, Why.BROKEN, str(error))
            return None

    async def _pin(self, unit: UnitRow) -> None:
        needs = await self._needs(unit)
        if needs is not None:
            self._keep(await self._marker.fresh(needs))

    async def _keep_if_room(self, unit: UnitRow) -> None:
        if self._is_marked(unit):
            return
        needs = await self._needs(unit)
        if needs is None:
            return
        fresh = await self._marker.fresh(needs)
        if self._has_room(fresh):
            self._keep(fresh)
        else:
            self._doom(unit, Why.SIZE)

    async def _keep_blobs_if_room(self, digests: bytes) -> None:
        for page in pages(digests):
            fresh = await self._marker.fresh_blobs(page)
            if not self._full and not self._exceeds(fresh):
                self._keep(fresh)
                continue
            for at in range(0, len(page), DIGEST_BYTES):
                fresh = await self._marker.fresh_blobs(page[at : at + DIGEST_BYTES])
                if self._has_room(fresh):
                    self._keep(fresh)

    def _doom(self, unit: UnitRow, why: Why, detail: str = "") -> None:
        self._doomed.append((unit, why, detail))

    async def _decide_attached(self, unit: UnitRow) -> None:
        """Let a manifest that was not pushed for its own sake go with what it is for, or when that is long gone."""
        if self._is_marked(unit):
            return
        record = self._tables.manifests.get(unit.space, unit.digest)
        subject = None if record is None else record.subject
        if subject is not None and self._tables.has_manifest(unit.space, subject):
            self._doom(unit, Why.SUBJECT, f"{subject} goes")
        elif unit.used is None or unit.used >= self._now - self._policy.grace:
            await self._pin(unit)
        elif subject is not None:
            self._doom(unit, Why.SUBJECT, f"{subject} is gone")
        else:
            self._doom(unit, Why.SUPERSEDED)

    def _is_marked(self, unit: UnitRow) -> bool:
        return unit.kind is UnitKind.MANIFEST and self._marker.has_manifest(unit.key)

    def _exceeds(self, fresh: Fresh) -> bool:
        budget = self._policy.budget
        return budget is not None and self._plan.kept + fresh.stored > budget

    def _has_room(self, fresh: Fresh) -> bool:
        """Tell whether something stays: once the room is used up, only what takes none."""
        self._full = self._full or self._exceeds(fresh)
        return not self._full or not fresh.stored

    async def _judge(self) -> None:
        """Leave out what became needed after all, and count what the others free, the latest used first."""
        for unit, why, detail in self._doomed:
            if not self._is_marked(unit):
                self._plan.goes.append(Verdict(unit, why, await self._freed(unit), detail))

    async def _freed(self, unit: UnitRow) -> int:
        try:
            needs = await self._references.of(unit)
        except Broken:
            return 0
        fresh = await self._marker.fresh(needs, self._plan.condemned)
        self._plan.condemned.add(fresh.blobs)
        return fresh.stored
