"""Adding up counters for people."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING

from lamella.index import CounterKey, Counters

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Field(StrEnum):
    """What counters can be told apart by: the fields of ``CounterKey``."""

    PROJECT = "project"
    BUILDER = "builder"
    INSTRUCTION = "instruction"
    DAY = "day"


def report(
    rows: Iterable[tuple[CounterKey, Counters]], group_by: Collection[Field], project: str = ""
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
                day=key.day if Field.DAY in group_by else "",
                project=key.project if Field.PROJECT in group_by else "",
                builder=key.builder if Field.BUILDER in group_by else "",
                instruction=key.instruction if Field.INSTRUCTION in group_by else "",
            )
            sums[group] += counters
    return sorted(sums.items(), key=lambda row: [getattr(row[0], field) for field in group_by])
