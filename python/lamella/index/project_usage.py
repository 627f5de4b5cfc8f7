"""What each project takes of the store, as it was counted last."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1

_TOTAL: Final = b"\0"
"""The key of what all projects take together, with the time of the count; no project has it."""


class _Value(msgspec.Struct, array_like=True):
    version: int
    blobs: int
    size: int
    stored: int
    own: int


class _Total(_Value, array_like=True):
    counted: int
    state: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode
_decode_total = msgspec.msgpack.Decoder(_Total).decode


@dataclass(frozen=True, slots=True)
class ProjectUsage:
    """The distinct blobs that units need, their bytes as they were pushed, and what they take on the disk.

    ``stored`` has each chunk of cold blobs once, ``own`` is the part of it that no other project needs.
    """

    blobs: int = 0
    size: int = 0
    stored: int = 0
    own: int = 0


@dataclass(frozen=True, slots=True)
class ProjectUsages:
    """A count: ``projects`` by name (``tenant/project``), and ``total`` with what projects share once.

    ``counted`` is when it began, in seconds since the epoch; ``state`` stands for what was counted: while it is the
    same, so is the count.
    """

    counted: int
    state: bytes
    total: ProjectUsage
    projects: Mapping[str, ProjectUsage]


class ProjectUsageTable:
    """The last count."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._rows = index.table("project_usage")

    def read(self) -> ProjectUsages | None:
        """Return the last count, its projects in the order of their names; None before the first."""
        with self._index.read() as txn:
            value = self._rows.get(txn, _TOTAL)
            if value is None:
                return None
            rows = {key.decode(): _usage(_decode(value)) for key, value in self._rows.scan(txn, _TOTAL + b"\0")}
        total = _decode_total(value)
        return ProjectUsages(total.counted, total.state, _usage(total), rows)

    def last(self) -> tuple[int, bytes] | None:
        """Return when the last count began and its state, or None before the first."""
        with self._index.read() as txn:
            value = self._rows.get(txn, _TOTAL)
        if value is None:
            return None
        total = _decode_total(value)
        return total.counted, total.state

    async def replace(self, usages: ProjectUsages) -> None:
        """Keep a count in place of the last one."""
        rows = {name.encode(): _encode(_Value(VALUE_VERSION, *astuple(row))) for name, row in usages.projects.items()}
        total = usages.total
        rows[_TOTAL] = _encode(
            _Total(VALUE_VERSION, total.blobs, total.size, total.stored, total.own, usages.counted, usages.state)
        )

        def replace(txn: Transaction) -> None:
            for key in [key for key, _ in self._rows.scan(txn) if key not in rows]:
                self._rows.delete(txn, key)
            for key, value in rows.items():
                self._rows.put(txn, key, value)

        await self._index.write(replace)

    async def confirm(self, counted: int) -> None:
        """Remember that the last count is still right at a later time."""

        def confirm(txn: Transaction) -> None:
            value = self._rows.get(txn, _TOTAL)
            if value is not None:
                total = _decode_total(value)
                total.counted = counted
                self._rows.put(txn, _TOTAL, _encode(total))

        await self._index.write(confirm)


def _usage(value: _Value) -> ProjectUsage:
    return ProjectUsage(value.blobs, value.size, value.stored, value.own)
