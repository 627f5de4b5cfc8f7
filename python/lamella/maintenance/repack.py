"""Choosing the packs whose files are worth writing anew."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lamella.index import PackTable
from lamella.store.limit import NoSpareRoom
from lamella.store.packs import PACK_SIZE
from lamella.store.repacker import Repacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lamella.index import PackRecord
    from lamella.maintenance.async_pace import AsyncPace
    from lamella.store.local import LocalStore

logger = logging.getLogger(__name__)

DEAD: Final = 0.3
"""The share of a pack, unused, from which on the pack is written anew."""

DEAD_IN_NEED: Final = 0.05
"""The same where the store takes more room than it may: then the packs with the most unused bytes go first."""

SMALL: Final = PACK_SIZE // 16
"""Bytes up to which packs are put together, once there are enough of them: each upload of small blobs makes one."""

SMALL_LEAST: Final = 16
"""How many small packs are enough."""

_FIXED: Final = 512
_EACH: Final = 100
"""About how many bytes of a pack are neither chunks nor unused: at all, and for each chunk."""

PAGE: Final = 1000
"""Rows read in one transaction."""


@dataclass(frozen=True, slots=True)
class _Pack:
    """A pack with what a new one would take instead, in bytes."""

    record: PackRecord

    @property
    def needed(self) -> int:
        return min(self.record.size, self.record.live + _EACH * self.record.blobs + _FIXED)

    @property
    def dead(self) -> float:
        return 1 - self.needed / self.record.size if self.record.size else 1.0


async def repack(store: LocalStore, pace: AsyncPace, excess: int = 0) -> Repacked:
    """Write packs anew that hold much unused, or little at all; those that are empty have gone before.

    Where the store takes ``excess`` bytes more than it may, those are given up first that frees the most.

    Raises:
        StorageFull: there is no room for a new pack.
        ReadOnly: it could not be made durable.
    """
    found = [_Pack(record) for record in await _records(store, pace) if record.blobs]
    packs = sorted(found, key=lambda pack: pack.dead, reverse=True)
    done = Repacked()
    small = [pack for pack in packs if pack.record.size <= SMALL]
    chosen = {pack.record.pack: pack for pack in packs if pack.dead >= DEAD}
    if len(small) >= SMALL_LEAST:
        chosen |= {pack.record.pack: pack for pack in small}
    for group in _groups(list(chosen.values())):
        done.add(await _write(store, pace, group))
    for pack in packs:
        if done.freed >= excess or pack.dead < DEAD_IN_NEED:
            break
        if pack.record.pack not in chosen:
            done.add(await _write(store, pace, [pack]))
    return done


async def _records(store: LocalStore, pace: AsyncPace) -> list[PackRecord]:
    table = PackTable(store.index)
    found: list[PackRecord] = []
    while page := table.page(found[-1].pack if found else None, PAGE):
        found += page
        await pace.pause()
    return found


def _groups(packs: Sequence[_Pack]) -> Iterator[list[_Pack]]:
    """Put packs together that fit into one."""
    group: list[_Pack] = []
    size = 0
    for pack in packs:
        if group and size + pack.needed > PACK_SIZE:
            yield group
            group, size = [], 0
        group.append(pack)
        size += pack.needed
    if group:
        yield group


async def _write(store: LocalStore, pace: AsyncPace, group: Sequence[_Pack]) -> Repacked:
    try:
        done = await asyncio.to_thread(store.repacker.repack, [pack.record.pack for pack in group])
    except NoSpareRoom as error:
        logger.warning("%d packs stay as they are: %s", len(group), error)
        done = Repacked()
    await pace.pause()
    return done
