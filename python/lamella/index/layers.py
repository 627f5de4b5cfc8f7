"""What is inside the layers that were looked into: stored digest to diff_id, and back."""

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
        self._diff_ids = index.table("diff_ids")

    def get(self, digest: Digest) -> LayerRecord | None:
        """Return what a stored layer holds, or None where it is not known."""
        with self._index.read() as txn:
            return self._find(txn, digest)

    def stored(self, diff_id: Digest) -> tuple[Digest, ...]:
        """Return the stored layers, plain and compressed, known to hold this tar."""
        with self._index.read() as txn:
            rows = self._diff_ids.scan(txn, prefix=diff_id.raw)
            return tuple(Digest(key[len(diff_id.raw) :]) for key, _ in rows)

    async def put(self, digest: Digest, record: LayerRecord) -> None:
        """Write down what a stored layer holds."""

        def put(txn: Transaction) -> None:
            self._layers.put(txn, digest.raw, _encode(_Value(VALUE_VERSION, record.diff_id.raw, record.tar_size)))
            self._diff_ids.put(txn, record.diff_id.raw + digest.raw, b"")

        await self._index.write(put)

    def remove(self, txn: Transaction, digest: Digest) -> None:
        """Forget what a stored layer holds."""
        record = self._find(txn, digest)
        if record is not None:
            self._layers.delete(txn, digest.raw)
            self._diff_ids.delete(txn, record.diff_id.raw + digest.raw)

    def _find(self, txn: Transaction, digest: Digest) -> LayerRecord | None:
        value = self._layers.get(txn, digest.raw)
        if value is None:
            return None
        fields = _decode(value)
        return LayerRecord(Digest(fields.diff_id), fields.tar_size)
