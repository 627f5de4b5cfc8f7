"""Which packs the store has, and how much of each is still in use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from lamella.index.usage import UsageTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1

_KEY_BYTES: Final = 8


class _Value(msgspec.Struct, array_like=True):
    version: int
    size: int
    created: int
    blobs: int
    live: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


@dataclass(frozen=True, slots=True)
class PackRecord:
    """A pack: the size of its file, and what records of blobs still point into it."""

    pack: int
    """Its id, 64 bits."""
    size: int
    """Bytes of the file."""
    created: int
    """Seconds since the epoch."""
    blobs: int
    """How many blobs are read from it."""
    live: int
    """Compressed bytes that belong to those blobs."""


class PackTable:
    """``Blobs`` changes what is live in the transactions in which it changes records."""

    def __init__(self, index: Index, clock: Callable[[], float] = time.time) -> None:
        self._index = index
        self._clock = clock
        self._packs = index.table("packs")
        self._usage = UsageTable(index)

    def page(self, after: int | None, limit: int) -> list[PackRecord]:
        """Return up to ``limit`` records that follow ``after``, in the order of their ids."""
        start = b"" if after is None else _key(after) + b"\0"
        with self._index.read() as txn:
            return [_record(key, value) for key, value in islice(self._packs.scan(txn, start), limit)]

    def find(self, txn: Transaction, pack: int) -> PackRecord | None:
        """Return what is known about a pack, or None."""
        value = self._packs.get(txn, _key(pack))
        return None if value is None else _record(_key(pack), value)

    def put(self, txn: Transaction, pack: int, size: int) -> None:
        """Record a new pack; no blob is in it yet."""
        self.remove(txn, pack)
        self._usage.change_packs(txn, 1, size)
        self._put(txn, PackRecord(pack, size, int(self._clock()), 0, 0))

    def remove(self, txn: Transaction, pack: int) -> bool:
        """Forget a pack; False where there is none."""
        record = self.find(txn, pack)
        if record is None:
            return False
        self._usage.change_packs(txn, -1, -record.size)
        return self._packs.delete(txn, _key(pack))

    def change(self, txn: Transaction, pack: int, blobs: int, live: int) -> None:
        """Add to what is live in a pack; nothing happens where it is not known."""
        found = self.find(txn, pack)
        if found is not None:
            self._put(txn, PackRecord(pack, found.size, found.created, found.blobs + blobs, found.live + live))

    def _put(self, txn: Transaction, record: PackRecord) -> None:
        value = _Value(VALUE_VERSION, record.size, record.created, record.blobs, record.live)
        self._packs.put(txn, _key(record.pack), _encode(value))


def _key(pack: int) -> bytes:
    return pack.to_bytes(_KEY_BYTES, "big")


def _record(key: bytes, value: bytes) -> PackRecord:
    fields = _decode(value)
    return PackRecord(int.from_bytes(key, "big"), fields.size, fields.created, fields.blobs, fields.live)
