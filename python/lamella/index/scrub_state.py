"""How far the scrub in the background has come."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1

_KEY: Final = b"scrub"


class _Value(msgspec.Struct, array_like=True):
    version: int
    started: int
    phase: int
    after: bytes
    at: float
    credit: float
    healed: int
    lost: int
    finished: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


@dataclass(frozen=True, slots=True)
class ScrubState:
    """A cycle of scrubbing, which is one look at everything. Times are in seconds since the epoch."""

    started: int
    """When the cycle began."""
    phase: int
    """What is being read: a ``Phase``."""
    after: bytes
    """The key that was looked at last, within the phase."""
    at: float
    """When something was read last."""
    credit: float
    """Bytes that were to be read by then and were not; negative where more were read."""
    healed: int = 0
    """Damaged blobs of this cycle that were healed."""
    lost: int = 0
    """Blobs of this cycle that were damaged and could not be healed."""
    finished: int = 0
    """When the cycle before this one was done; 0 for never."""


class ScrubTable:
    """One row of ``meta``."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._meta = index.table("meta")

    def get(self) -> ScrubState | None:
        """Return the state, or None where no cycle ever began."""
        with self._index.read() as txn:
            value = self._meta.get(txn, _KEY)
        if value is None:
            return None
        fields = _decode(value)
        return ScrubState(
            fields.started,
            fields.phase,
            fields.after,
            fields.at,
            fields.credit,
            fields.healed,
            fields.lost,
            fields.finished,
        )

    def put(self, txn: Transaction, state: ScrubState) -> None:
        """Set the state."""
        self._meta.put(txn, _KEY, _encode(_Value(VALUE_VERSION, *astuple(state))))
