"""How much the store holds, known without counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from lamella.index.place import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1

_PACKS: Final = 255
"""The key of what the files of all packs take, beside the places."""


class _Value(msgspec.Struct, array_like=True):
    version: int
    blobs: int
    size: int
    stored: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


@dataclass(frozen=True, slots=True)
class Usage:
    """Blobs of one place: how many, their bytes, and the bytes that they take on the disk."""

    blobs: int = 0
    size: int = 0
    stored: int = 0

    def plus(self, size: int, stored: int) -> Usage:
        """Return these with one more blob."""
        return Usage(self.blobs + 1, self.size + size, self.stored + stored)

    def minus(self, size: int, stored: int) -> Usage:
        """Return these with one blob less."""
        return Usage(self.blobs - 1, self.size - size, self.stored - stored)


class UsageTable:
    """Totals by place; ``Blobs`` changes them in the transactions in which it changes records."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._totals = index.table("usage")

    def all(self) -> dict[Place, Usage]:
        """Return the totals of every place."""
        with self._index.read() as txn:
            return {place: self.find(txn, place) for place in Place}

    def stored(self, txn: Transaction) -> int:
        """Return the bytes that all blobs together take on the disk."""
        return sum(self.find(txn, place).stored for place in Place)

    def on_disk(self, txn: Transaction) -> int:
        """Return the bytes that all blobs together take on the disk, with what packs hold that is not in use."""
        files = sum(self.find(txn, place).stored for place in Place if place is not Place.PACKED)
        return files + self._find(txn, _PACKS).stored

    def rest_of_packs(self) -> int:
        """Return the bytes of packs that no blob in use takes: their tables, and chunks that nothing needs any more."""
        with self._index.read() as txn:
            return self.on_disk(txn) - self.stored(txn)

    def change_packs(self, txn: Transaction, packs: int, size: int) -> None:
        """Add to how many packs there are, and to the bytes of their files."""
        found = self._find(txn, _PACKS)
        self._put(txn, _PACKS, Usage(found.blobs + packs, 0, found.stored + size))

    def find(self, txn: Transaction, place: Place) -> Usage:
        """Return the totals of one place."""
        return self._find(txn, place)

    def _find(self, txn: Transaction, key: int) -> Usage:
        value = self._totals.get(txn, bytes([key]))
        if value is None:
            return Usage()
        fields = _decode(value)
        return Usage(fields.blobs, fields.size, fields.stored)

    def add(self, txn: Transaction, place: Place, size: int, stored: int) -> None:
        """Count a blob that came to a place."""
        self._put(txn, place, self.find(txn, place).plus(size, stored))

    def subtract(self, txn: Transaction, place: Place, size: int, stored: int) -> None:
        """Count a blob that left a place."""
        self._put(txn, place, self.find(txn, place).minus(size, stored))

    def replace(self, txn: Transaction, totals: Mapping[Place, Usage]) -> None:
        """Set the totals of every place."""
        for place in Place:
            self._put(txn, place, totals.get(place, Usage()))

    def _put(self, txn: Transaction, key: int, usage: Usage) -> None:
        value = _encode(_Value(VALUE_VERSION, usage.blobs, usage.size, usage.stored))
        self._totals.put(txn, bytes([key]), value)
