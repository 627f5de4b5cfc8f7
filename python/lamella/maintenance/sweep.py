"""Removing what is not marked, a little at a time, while others use the store."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from lamella._core import DigestSet
from lamella.index import Place, UnitKind
from lamella.maintenance.marker import row_digest, split
from lamella.maintenance.references import Broken, Needs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from lamella.index import BlobRecord, UnitRow, Units
    from lamella.index.table import Transaction
    from lamella.maintenance.clock_guard import ClockGuard
    from lamella.maintenance.marker import Marker
    from lamella.maintenance.references import References
    from lamella.model import Digest
    from lamella.store.local import LocalStore

BATCH: Final = 200
"""Units, or blobs, removed in one transaction."""

PAGE: Final = 1000
"""Records of blobs read in one transaction."""


@dataclass(slots=True)
class Swept:
    """``spared`` counts the units that were used since it was decided that they go; ``freed`` is bytes on the disk."""

    units: int = 0
    spared: int = 0
    blobs: int = 0
    freed: int = 0


class Sweeper:
    """What names others goes before them, and what was used since the guard's start stays, with all that it needs.

    Each transaction looks again at the last use, and whoever refers to a unit or a blob counts it as used in the
    transaction that writes the reference. So nothing that stays ever names something that is gone.
    """

    def __init__(
        self,
        store: LocalStore,
        units: Units,
        references: References,
        marker: Marker,
        guard: ClockGuard,
    ) -> None:
        self._store = store
        self._units = units
        self._references = references
        self._marker = marker
        self._pace = marker.pace
        self._guard = guard
        self._before = guard.start
        self.swept = Swept()

    async def sweep(self, units: Sequence[UnitRow]) -> None:
        """Remove units, then every blob that is not marked.

        Raises:
            ClockSetBack: the clock was set back; the rest stays.
            ReadOnly, StorageFull: the index could not be written.
        """
        await self._sweep_units([unit for unit in units if unit.kind is not UnitKind.MANIFEST])
        await self._sweep_manifests([unit for unit in units if unit.kind is UnitKind.MANIFEST])
        # Also those that were used: their chunks are not marked yet.
        await self._sweep_recipes([record.digest async for record in self._unmarked() if record.place is Place.RECIPE])
        await self._keep_read()
        condemned: list[Digest] = []
        async for record in self._unmarked():
            if record.used < self._before:
                condemned.append(record.digest)
            if len(condemned) == BATCH:
                await self._remove(condemned)
                condemned = []
        await self._remove(condemned)
        await asyncio.to_thread(self._store.leftovers.remove_empty_packs)

    async def _sweep_units(self, units: Sequence[UnitRow]) -> None:
        for at in range(0, len(units), BATCH):
            batch = units[at : at + BATCH]
            spared = await self._write(lambda txn, batch=batch: self._remove_units(txn, batch))  # type: ignore[misc]
            self.swept.units += len(batch) - len(spared)
            self.swept.spared += len(spared)
            for unit in spared:
                await self._keep(unit)

    def _remove_units(self, txn: Transaction, units: Sequence[UnitRow]) -> list[UnitRow]:
        return [unit for unit in units if not self._units.remove_unused(txn, unit, self._before)]

    async def _sweep_manifests(self, manifests: Sequence[UnitRow]) -> None:
        """Remove manifests: an index before its children, a subject before its referrers."""
        while manifests:
            named = DigestSet()
            for unit in manifests:
                needs = await self._needs(unit)
                named.add(b"".join(row_digest(row) for row in needs.manifests if row != unit.key))
            below = [unit for unit in manifests if not named.absent(row_digest(unit.key))]
            await self._sweep_units([unit for unit in manifests if named.absent(row_digest(unit.key))])
            manifests = [unit for unit in below if not self._marker.has_manifest(unit.key)]

    async def _sweep_recipes(self, recipes: Sequence[Digest]) -> None:
        """Remove cold blobs: one that is rebuilt from others before these."""
        while recipes:
            named = DigestSet()
            for digest in recipes:
                named.add(await self._marker.read_chunks(digest))
                await self._pace.pause()
            await self._remove([digest for digest in recipes if named.absent(digest.raw)])
            below = b"".join(digest.raw for digest in recipes if not named.absent(digest.raw))
            recipes = list(split(self._marker.blobs.absent(below)))

    async def _keep_read(self) -> None:
        """Keep the chunks of cold blobs that are gone, and still read by somebody who began before."""
        for digest in await asyncio.to_thread(lambda: list(self._store.leftovers.read_recipes())):
            self._marker.add(await self._marker.fresh_blobs(await self._marker.read_chunks(digest)))

    async def _remove(self, digests: Sequence[Digest]) -> None:
        """Remove blobs, in the order of digests; what needs those that are spared stays, too."""
        for _, members in groupby(digests, lambda digest: digest.raw[0]):
            folder = list(members)
            for at in range(0, len(folder), BATCH):
                self._guard.check()
                removal = await self._store.delete_unused(folder[at : at + BATCH], self._before)
                self.swept.blobs += len(removal.removed)
                self.swept.freed += sum(record.stored for record in removal.removed)
                await self._keep_blobs(record.digest for record in removal.spared)
                await self._pace.pause()

    async def _keep(self, unit: UnitRow) -> None:
        self._marker.add(await self._marker.fresh(await self._needs(unit)))

    async def _keep_blobs(self, digests: Iterable[Digest]) -> None:
        self._marker.add(await self._marker.fresh_blobs(b"".join(digest.raw for digest in digests)))

    async def _needs(self, unit: UnitRow) -> Needs:
        try:
            return await self._references.of(unit)
        except Broken:
            return Needs()

    async def _unmarked(self) -> AsyncIterator[BlobRecord]:
        """Yield blobs that are not marked, in the order of digests; inflated ones go with their sources."""
        after: Digest | None = None
        while page := self._store.blobs.page(after, PAGE):
            absent = set(split(self._marker.blobs.absent(b"".join(record.digest.raw for record in page))))
            for record in page:
                if record.digest in absent and record.place is not Place.INFLATED:
                    yield record
            after = page[-1].digest
            await self._pace.pause()

    async def _write(self, function: Callable[[Transaction], list[UnitRow]]) -> list[UnitRow]:
        self._guard.check()
        spared = await self._store.index.write(function)
        await self._pace.pause()
        return spared
