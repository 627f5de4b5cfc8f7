"""Everything that may go, in the order in which it should stay."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lamella.index import UnitKind, UnitRow
from lamella.index.keys import scoped_key
from lamella.maintenance.retention import Space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lamella.maintenance.async_pace import AsyncPace
    from lamella.maintenance.policy import Policy
    from lamella.maintenance.retention import Rule
    from lamella.maintenance.tables import Tables

PAGE: Final = 500
"""Rows read in one transaction."""

COARSE: Final = 3600
"""Seconds: how exactly things are ordered whose last use is long ago."""


@dataclass(slots=True)
class Moment:
    """What was used last at one time: units, and digests of blobs, 32 bytes each."""

    units: list[UnitRow] = field(default_factory=list)
    blobs: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Candidates:
    """``pinned`` stay whatever happens; ``attached`` are manifests that stay only with another, or for a short time.

    The others are in ``moments`` by their last use, and those that nobody has used for too long in ``expired``.
    """

    pinned: list[UnitRow] = field(default_factory=list)
    moments: dict[int, Moment] = field(default_factory=dict)
    expired: dict[int, Moment] = field(default_factory=dict)
    attached: list[UnitRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Applied:
    """The rule for a repository or scope, and the tags that it keeps since they were pushed last."""

    rule: Rule | None
    last: frozenset[str] = frozenset()

    def pins(self, unit: UnitRow) -> bool:
        """Tell whether a unit stays whatever its age, and the size of the store."""
        if self.rule is None or unit.kind is not UnitKind.TAG:
            return self.rule is not None and self.rule.pin
        return self.rule.pin or self.rule.keeps_tag(unit.name) or unit.name in self.last


def newest_first(moments: dict[int, Moment]) -> Iterator[Moment]:
    """Yield moments, the latest first."""
    return (moments[at] for at in sorted(moments, reverse=True))


class Gatherer:
    """Reads the index in short transactions; whatever is written meanwhile counts as used after ``now``."""

    def __init__(self, tables: Tables, pace: AsyncPace) -> None:
        self._tables = tables
        self._pace = pace

    async def gather(self, policy: Policy, now: int) -> Candidates:
        """Return every unit, and every blob that was used within the policy's grace."""
        found = Candidates()
        rules: dict[tuple[Space, str], _Applied] = {}
        for kind in UnitKind:
            after: bytes | None = None
            while page := self._tables.units.page(kind, after, PAGE):
                for unit in page:
                    key = (Space.REPOSITORY if kind in _IN_REPOSITORY else Space.SCOPE, unit.space)
                    if key not in rules:
                        rules[key] = await self._apply(policy.retention.rule(*key), *key)
                    self._add(found, unit, policy, rules[key], now)
                after = page[-1].key
                await self._pace.pause()
        await self._add_young(found, now - policy.grace)
        return found

    def _add(self, found: Candidates, unit: UnitRow, policy: Policy, applied: _Applied, now: int) -> None:
        used = self._used(unit, now)
        if applied.pins(unit):
            found.pinned.append(unit)
            return
        if unit.kind is UnitKind.MANIFEST and self._is_attached(unit):
            found.attached.append(unit)
            return
        max_age = policy.max_age if applied.rule is None or applied.rule.max_age is None else applied.rule.max_age
        expired = max_age is not None and used < now - max_age
        moments = found.expired if expired else found.moments
        at = used if used >= now - policy.grace else used - used % COARSE
        moments.setdefault(at, Moment()).units.append(unit)

    def _used(self, unit: UnitRow, now: int) -> int:
        """Return when a unit was used last: now, if that was never written down; a tag also with its manifest."""
        used = now if unit.used is None else unit.used
        if unit.kind is UnitKind.TAG:
            with self._tables.index.read() as txn:
                digest = self._tables.tags.find(txn, unit.space, unit.name)
                if digest is not None:
                    row = scoped_key(unit.space, digest)
                    used = max(used, self._tables.uses.find(txn, UnitKind.MANIFEST, row) or 0)
        return used

    def _is_attached(self, unit: UnitRow) -> bool:
        record = self._tables.manifests.get(unit.space, unit.digest)
        return record is not None and (record.merge or record.subject is not None)

    async def _apply(self, rule: Rule | None, space: Space, name: str) -> _Applied:
        """Find the tags that a rule keeps for being the last of a repository that were pushed."""
        if rule is None or space is Space.SCOPE or not rule.keep_last:
            return _Applied(rule)
        pushed: list[tuple[int, str]] = []
        after = ""
        while page := self._tables.tags.page(name, after, PAGE):
            records = ((self._tables.manifests.get_tagged(name, tag), tag) for tag in page)
            dated = ((record.pushed, tag) for record, tag in records if record is not None)
            pushed = heapq.nlargest(rule.keep_last, [*pushed, *dated])
            after = page[-1]
            await self._pace.pause()
        return _Applied(rule, frozenset(tag for _, tag in pushed))

    async def _add_young(self, found: Candidates, since: float) -> None:
        after = None
        while page := self._tables.blobs.page(after, PAGE):
            for record in page:
                if record.used >= since:
                    found.moments.setdefault(record.used, Moment()).blobs += record.digest.raw
            after = page[-1].digest
            await self._pace.pause()


_IN_REPOSITORY: Final = frozenset({UnitKind.TAG, UnitKind.MANIFEST})
