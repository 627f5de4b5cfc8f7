"""When step results, action results, tags and manifests were last used: what is not used for long goes first."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1

UNIT_RESOLUTION: Final = 300
"""Seconds: how far last uses may lag behind. They say what goes under a size limit, and are far fewer than blobs'."""


class UnitKind(IntEnum):
    """What is kept or goes as one; the numbers are part of the index's format."""

    STEP = 1
    """A row of ``steps``."""
    ACTION = 2
    """A row of ``actions``."""
    TAG = 3
    """A row of ``tags``."""
    MANIFEST = 4
    """A row of ``manifests``."""


class _Value(msgspec.Struct, array_like=True):
    version: int
    used: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


class Uses:
    """Kind and key of a row to its last use, in seconds since the epoch, up to ``UNIT_RESOLUTION`` late."""

    def __init__(self, index: Index, clock: Callable[[], float]) -> None:
        self._index = index
        self._clock = clock
        self._uses = index.table("uses")

    def find(self, txn: Transaction, kind: UnitKind, row: bytes) -> int | None:
        """Return when a row was last used, or None where that was never written down."""
        value = self._uses.get(txn, _key(kind, row))
        return None if value is None else _decode(value).used

    def use(self, txn: Transaction, kind: UnitKind, row: bytes) -> None:
        """Count a row as used now: by who writes it, or refers to it."""
        self._uses.put(txn, _key(kind, row), _encode(_Value(VALUE_VERSION, int(self._clock()))))

    def remove(self, txn: Transaction, kind: UnitKind, row: bytes) -> None:
        """Forget a row that goes."""
        self._uses.delete(txn, _key(kind, row))

    def note(self, kind: UnitKind, row: bytes) -> None:
        """Count a row as used now, some time soon: a reader need not wait for the disk, nor mind a use that is lost."""
        if self._index.health.read_only is None:
            with self._index.read() as txn:
                stale = self._is_stale(txn, kind, row)
            if stale:
                self._index.submit(lambda txn: self._use_again(txn, kind, row))

    def _is_stale(self, txn: Transaction, kind: UnitKind, row: bytes) -> bool:
        used = self.find(txn, kind, row)
        return used is not None and abs(self._clock() - used) >= UNIT_RESOLUTION

    def _use_again(self, txn: Transaction, kind: UnitKind, row: bytes) -> None:
        if self.find(txn, kind, row) is not None:
            self.use(txn, kind, row)


def _key(kind: UnitKind, row: bytes) -> bytes:
    return bytes([kind]) + row
