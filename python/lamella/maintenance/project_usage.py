"""Counting what each project takes of the store: what it needs, and what of that no other project needs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

from lamella._core import DigestSet
from lamella.index import ProjectUsage, ProjectUsages, ProjectUsageTable, UnitKind, UsageTable
from lamella.index.keys import scoped_key
from lamella.maintenance.candidates import PAGE
from lamella.maintenance.marker import Marker, pages, split
from lamella.maintenance.owners import Owners
from lamella.maintenance.references import Broken, References
from lamella.maintenance.tables import Tables
from lamella.model import Scope
from lamella.registry.names import project_of
from lamella.store.uncounted import UncountedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lamella.index import BlobRecord, UnitRow
    from lamella.maintenance.async_pace import AsyncPace
    from lamella.maintenance.marker import ReadChunks
    from lamella.maintenance.references import Needs, ReadAction
    from lamella.model import Digest
    from lamella.store.local import LocalStore

INTERVAL: Final = 3000
"""Seconds between two counts, at least: less than an hour, so that each hourly collection is followed by one."""

_ORDER: Final = (UnitKind.STEP, UnitKind.ACTION, UnitKind.TAG, UnitKind.MANIFEST)
"""Tags before manifests, most of which were looked into with a tag then."""


@dataclass(slots=True)
class _Sum:
    """The fields of ``ProjectUsage``, as they grow."""

    blobs: int = 0
    size: int = 0
    stored: int = 0
    own: int = 0

    def done(self) -> ProjectUsage:
        # A blob that turned cold between two projects that share it may have been worth more when it was taken away.
        return ProjectUsage(self.blobs, self.size, self.stored, max(0, self.own))


class ProjectCounter:
    """Counts in a store that others use, too, and in memory of about 210 bytes for each blob at the most.

    It looks at what the garbage collection would mark. What changes meanwhile may be counted as it was or as it is.
    """

    def __init__(self, store: LocalStore, read_action: ReadAction, read_chunks: ReadChunks, pace: AsyncPace) -> None:
        self._store = store
        self._tables = Tables(store)
        self._references = References(UncountedStore(store), self._tables, read_action)
        self._read_chunks = read_chunks
        self._pace = pace
        self._kept = ProjectUsageTable(store.index)

    @property
    def is_due(self) -> bool:
        """Whether nothing was counted within the last ``INTERVAL``."""
        last = self._kept.last()
        return last is None or abs(self._store.blobs.clock() - last[0]) >= INTERVAL

    async def refresh(self) -> None:
        """Count and keep the count; where nothing changed since the last one, that is only dated anew.

        Raises:
            ReadOnly, StorageFull: the index could not be written.
        """
        self._pace.begin()
        now, state = int(self._store.blobs.clock()), await self._state()
        last = self._kept.last()
        if last is not None and last[1] == state:
            await self._kept.confirm(now)
        else:
            await self._kept.replace(await self._count(now, state))

    async def count(self) -> ProjectUsages:
        """Count without keeping the count."""
        self._pace.begin()
        return await self._count(int(self._store.blobs.clock()), b"")

    async def _count(self, now: int, state: bytes) -> ProjectUsages:
        count = _Count(self._store, self._references, self._read_chunks, self._pace)
        for project, spaces in sorted((await self._projects()).items()):
            count.begin(project)
            async for unit in self._units(spaces):
                await count.add(unit)
        return ProjectUsages(now, state, count.total.done(), {name: found.done() for name, found in count.projects()})

    async def _projects(self) -> dict[str, list[tuple[UnitKind, str]]]:
        """Return where the units of each project are."""
        projects: defaultdict[str, list[tuple[UnitKind, str]]] = defaultdict(list)
        for kind in _ORDER:
            in_scope = kind in (UnitKind.STEP, UnitKind.ACTION)
            after: str | None = None
            while page := self._tables.units.spaces(kind, after, PAGE):
                for space in page:
                    projects[Scope.parse(space).name if in_scope else project_of(space)].append((kind, space))
                after = page[-1]
                await self._pace.pause()
        return projects

    async def _units(self, spaces: list[tuple[UnitKind, str]]) -> AsyncIterator[UnitRow]:
        for kind, space in spaces:
            after: bytes | None = None
            while page := self._tables.units.page(kind, after, PAGE, space):
                for unit in page:
                    yield unit
                    await self._pace.pause()
                after = page[-1].key

    async def _state(self) -> bytes:
        """Return a digest over all units, and over the totals that each blob that comes, goes or moves changes."""
        state = hashlib.sha256()
        for kind in UnitKind:
            after: bytes | None = None
            while page := self._tables.units.rows(kind, after, PAGE):
                for key, value in page:
                    state.update(b"%d %d %d\0%b%b" % (kind, len(key), len(value), key, value))
                after = page[-1][0]
                await self._pace.pause()
        totals = UsageTable(self._store.index).all()
        state.update(repr([astuple(totals[place]) for place in sorted(totals)]).encode())
        return state.digest()


class _Count:
    """Sums over one project after the other."""

    def __init__(self, store: LocalStore, references: References, read_chunks: ReadChunks, pace: AsyncPace) -> None:
        self._records = store.blobs
        self._references = references
        self._read_chunks = read_chunks
        self._pace = pace
        self._names: list[str] = []
        self._sums: list[_Sum] = []
        self._owners = Owners()
        self._named_by_any = DigestSet()
        self.total = _Sum()

    def projects(self) -> list[tuple[str, _Sum]]:
        """Return the sums of each project."""
        return list(zip(self._names, self._sums, strict=True))

    def begin(self, project: str) -> None:
        """Count the units that follow for another project."""
        self._names.append(project)
        self._sums.append(_Sum())
        self._owners.begin()
        self._marker = Marker(self._records, self._read_chunks, self._pace)
        self._named = DigestSet()

    async def add(self, unit: UnitRow) -> None:
        """Count what a unit needs; one that is as good as gone counts for nothing."""
        if unit.kind is UnitKind.MANIFEST and self._marker.has_manifest(scoped_key(unit.space, unit.digest)):
            return
        try:
            needs = await self._references.of(unit)
        except Broken:
            return
        self._add_named(needs)
        fresh = await self._marker.fresh(needs)
        self._marker.add(fresh)
        for page in pages(fresh.blobs):
            self._add_stored(page, self._look_up(page))

    def _add_named(self, needs: Needs) -> None:
        for page in pages(self._named.add(b"".join(digest.raw for digest in needs.blobs))):
            records = self._look_up(page)
            _add_sizes(self._sums[-1], records, page)
            _add_sizes(self.total, records, self._named_by_any.add(page))

    def _add_stored(self, digests: bytes, records: dict[Digest, BlobRecord]) -> None:
        """Count what blobs take, which are new to the project."""
        claims = self._owners.claim(digests)
        first = _stored(records, set(split(claims.first)))
        self.total.stored += first
        self.total.own += first
        self._sums[-1].own += first
        self._sums[-1].stored += sum(record.stored for record in records.values())
        for project, lost in claims.lost.items():
            self._sums[project].own -= _stored(records, lost)

    def _look_up(self, digests: bytes) -> dict[Digest, BlobRecord]:
        return self._records.get_many(split(digests))


def _add_sizes(to: _Sum, records: dict[Digest, BlobRecord], digests: bytes) -> None:
    for digest in split(digests):
        if digest in records:
            to.blobs += 1
            to.size += records[digest].size


def _stored(records: dict[Digest, BlobRecord], digests: set[Digest]) -> int:
    return sum(records[digest].stored for digest in digests if digest in records)
