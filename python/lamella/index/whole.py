"""Blobs that stay whole: to make them cold was tried, and does not pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from lamella.index.environment import Index
    from lamella.index.table import Transaction
    from lamella.model import Digest

VALUE_VERSION: Final = 1


class _Value(msgspec.Struct, array_like=True):
    version: int
    reason: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


class WholeBlobs:
    """Digest to reason; ``Blobs`` forgets it when the blob goes."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._whole = index.table("whole")

    def get(self, digest: Digest) -> str | None:
        """Return why a blob stays whole, or None where that was not tried."""
        with self._index.read() as txn:
            value = self._whole.get(txn, digest.raw)
        return None if value is None else _decode(value).reason

    def put(self, txn: Transaction, digest: Digest, reason: str) -> None:
        """Write down why a blob stays whole."""
        self._whole.put(txn, digest.raw, _encode(_Value(VALUE_VERSION, reason)))

    def remove(self, txn: Transaction, digest: Digest) -> None:
        """Forget it."""
        self._whole.delete(txn, digest.raw)
