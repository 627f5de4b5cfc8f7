"""What compressed blobs hold, for those that were looked into."""

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
    digest: bytes
    size: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


@dataclass(frozen=True, slots=True)
class ContentRecord:
    """What a blob gives when it is decompressed: its digest and its size in bytes.

    ``digest`` is None where that cannot be had: the blob is not compressed, is damaged, or holds too much.
    """

    digest: Digest | None
    size: int = 0


class Contents:
    """Facts about stored bytes; they never change, and ``Blobs`` forgets them when the blob goes."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._contents = index.table("contents")

    def get(self, digest: Digest) -> ContentRecord | None:
        """Return what a compressed blob holds, or None where nobody has looked."""
        with self._index.read() as txn:
            return self.find(txn, digest)

    def find(self, txn: Transaction, digest: Digest) -> ContentRecord | None:
        """Return what a compressed blob holds, or None where nobody has looked."""
        value = self._contents.get(txn, digest.raw)
        if value is None:
            return None
        fields = _decode(value)
        return ContentRecord(Digest(fields.digest) if fields.digest else None, fields.size)

    def put(self, txn: Transaction, digest: Digest, content: ContentRecord) -> None:
        """Write down what a compressed blob holds."""
        raw = b"" if content.digest is None else content.digest.raw
        self._contents.put(txn, digest.raw, _encode(_Value(VALUE_VERSION, raw, content.size)))

    def remove(self, txn: Transaction, digest: Digest) -> None:
        """Forget it."""
        self._contents.delete(txn, digest.raw)
