"""Which units cannot be answered with any more, since blobs are lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from lamella.index import UnitKind
from lamella.maintenance.references import Broken, References
from lamella.maintenance.tables import Tables
from lamella.store.uncounted import UncountedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

    from lamella.index import UnitRow
    from lamella.maintenance.references import ReadAction
    from lamella.model import Digest
    from lamella.store.local import LocalStore

    FindCasualties: TypeAlias = Callable[[LocalStore, Collection[Digest]], Coroutine[Any, Any, list["Casualty"]]]

PAGE: Final = 500
"""Rows read in one transaction."""


@dataclass(frozen=True, slots=True)
class Casualty:
    """A unit, and one of the lost blobs that it needs."""

    unit: UnitRow
    blob: Digest


async def find_casualties(store: LocalStore, lost: Collection[Digest], read_action: ReadAction) -> list[Casualty]:
    """Return every unit that needs one of some lost blobs: step and action results, tags, and manifests."""
    if not lost:
        return []
    tables, wanted = Tables(store), frozenset(lost)
    references = References(UncountedStore(store), tables, read_action)
    found: list[Casualty] = []
    for kind in UnitKind:
        after: bytes | None = None
        while page := tables.units.page(kind, after, PAGE):
            for unit in page:
                try:
                    needs = await references.of(unit)
                    needed = needs.blobs | needs.absent
                except Broken as broken:
                    needed = set(broken.lost)
                if hit := needed & wanted:
                    found.append(Casualty(unit, min(hit)))
            after = page[-1].key
    return found
