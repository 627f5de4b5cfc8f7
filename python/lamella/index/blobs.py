"""Which blobs the store has: digest to size, where the bytes are, and when they were last used."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1

USED_RESOLUTION: Final = 3600
"""Seconds: how far ``BlobRecord.used`` may lag behind, so that most lookups need not write."""

INLINE_MAX: Final = 4080
"""The most bytes of a blob that is kept in the index: what fills one LMDB page with its header of 16 bytes."""


class _Value(msgspec.Struct, array_like=True):
    version: int
    size: int
    used: int
    inline: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """A blob: its size in bytes, whether the index holds its bytes, when it was used (seconds since the epoch)."""

    digest: Digest
    size: int
    inline: bool
    used: int


def _record(key: bytes, value: bytes) -> BlobRecord:
    fields = _decode(value)
    return BlobRecord(Digest(key), fields.size, fields.inline, fields.used)


class Blobs:
    """Methods that take a transaction are parts of a larger write; see ``Index.write``."""

    def __init__(self, index: Index, clock: Callable[[], float] = time.time) -> None:
        self._index = index
        self._clock = clock
        self._records = index.table("blobs")
        self._bytes = index.table("inline")

    def get(self, digest: Digest) -> BlobRecord | None:
        """Return what is known about a blob, or None."""
        with self._index.read() as txn:
            return self.find(txn, digest)

    def read(self, digest: Digest) -> tuple[BlobRecord, bytes | None] | None:
        """Return a blob's record with its bytes where the index holds them; None where there is no such blob."""
        with self._index.read() as txn:
            record = self.find(txn, digest)
            if record is None:
                return None
            return record, self._bytes.get(txn, digest.raw) if record.inline else None

    def get_many(self, digests: Iterable[Digest]) -> dict[Digest, BlobRecord]:
        """Return the records of those that are there."""
        with self._index.read() as txn:
            found = ((digest, self.find(txn, digest)) for digest in digests)
            return {digest: record for digest, record in found if record is not None}

    def page(self, after: Digest | None, limit: int) -> list[BlobRecord]:
        """Return up to ``limit`` records that follow ``after``, in the order of digests."""
        start = b"" if after is None else after.raw + b"\0"
        with self._index.read() as txn:
            return [_record(key, value) for key, value in islice(self._records.scan(txn, start), limit)]

    def count(self) -> int:
        """Return how many blobs there are."""
        with self._index.read() as txn:
            return self._records.count(txn)

    def is_stale(self, record: BlobRecord) -> bool:
        """Tell whether a use of the blob now needs to be written down (``touch``)."""
        return abs(self._clock() - record.used) >= USED_RESOLUTION

    async def touch(self, digests: Iterable[Digest]) -> set[Digest]:
        """Count blobs as used now and return those that are not there any more."""
        wanted = list(digests)
        return await self._index.write(lambda txn: {digest for digest in wanted if not self.use(txn, digest)})

    def find(self, txn: Transaction, digest: Digest) -> BlobRecord | None:
        """Return what is known about a blob, or None."""
        value = self._records.get(txn, digest.raw)
        return None if value is None else _record(digest.raw, value)

    def use(self, txn: Transaction, digest: Digest) -> bool:
        """Count a blob as used now, or return False where there is none."""
        record = self.find(txn, digest)
        if record is None:
            return False
        self._put(txn, digest, record.size, inline=record.inline)
        return True

    def put(self, txn: Transaction, digest: Digest, size: int, data: bytes | None = None) -> None:
        """Record a blob that is used now; ``data`` is its bytes where the index is to hold them."""
        if data is not None:
            self._bytes.put(txn, digest.raw, data)
        self._put(txn, digest, size, inline=data is not None)

    def remove(self, txn: Transaction, digest: Digest) -> BlobRecord | None:
        """Forget a blob and return what was known about it."""
        record = self.find(txn, digest)
        if record is not None:
            self._records.delete(txn, digest.raw)
            self._bytes.delete(txn, digest.raw)
        return record

    def _put(self, txn: Transaction, digest: Digest, size: int, *, inline: bool) -> None:
        value = _Value(VALUE_VERSION, size, int(self._clock()), inline)
        self._records.put(txn, digest.raw, _encode(value))
