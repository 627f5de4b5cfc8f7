"""What statistics can be told apart by."""

from __future__ import annotations

from enum import StrEnum


class GroupBy(StrEnum):
    """A field of statistics; as members are called in ``GetStatsRequest.Field``, and their values in rows."""

    PROJECT = "project"
    BUILDER = "builder"
    INSTRUCTION = "instruction"
    DAY = "day"
