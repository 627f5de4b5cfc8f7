"""Adding up counters for people."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lamella.index import CounterKey, Counters
from lamella.model import GroupBy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


def report(
    rows: Iterable[tuple[CounterKey, Counters]], group_by: Collection[GroupBy], project: str = ""
) -> list[tuple[CounterKey, Counters]]:
    """Add up the rows of ``project`` (all where empty), one sum for each combination of the fields in ``group_by``.

    The other fields of the keys are empty. The sums are in the order of the grouped fields as they are given; without
    any there is exactly one sum.
    """
    sums: defaultdict[CounterKey, Counters] = defaultdict(Counters)
    if not group_by:
        sums[CounterKey("")] = Counters()
    for key, counters in rows:
        if project in ("", key.project):
            group = CounterKey(
                day=key.day if GroupBy.DAY in group_by else "",
                project=key.project if GroupBy.PROJECT in group_by else "",
                builder=key.builder if GroupBy.BUILDER in group_by else "",
                instruction=key.instruction if GroupBy.INSTRUCTION in group_by else "",
            )
            sums[group] += counters
    return sorted(sums.items(), key=lambda row: [getattr(row[0], field) for field in group_by])
