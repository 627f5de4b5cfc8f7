"""What is inside the layers that were looked into, by the digest of their stored bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from lamella.model import Digest

if TYPE_CHECKING:
    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1


class _Value(msgspec.Struct, array_like=True):
    version: int
    diff_id: bytes
    tar_size: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A layer's uncompressed tar: its digest, and its size in bytes."""

    diff_id: Digest
    tar_size: int


class Layers:
    """Facts about stored bytes; they never change, and go when the blob goes."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._layers = index.table("layers")

    def get(self, digest: Digest) -> LayerRecord | None:
        """Return what a stored layer holds, or None where it is not known."""
        with self._index.read() as txn:
            value = self._layers.get(txn, digest.raw)
        if value is None:
            return None
        fields = _decode(value)
        return LayerRecord(Digest(fields.diff_id), fields.tar_size)

    async def put(self, digest: Digest, record: LayerRecord) -> None:
        """Write down what a stored layer holds."""
        value = _encode(_Value(VALUE_VERSION, record.diff_id.raw, record.tar_size))
        await self._index.write(lambda txn: self._layers.put(txn, digest.raw, value))

    def remove(self, txn: Transaction, digest: Digest) -> None:
        """Forget what a stored layer holds."""
        self._layers.delete(txn, digest.raw)
