"""Which blobs the store has: digest to size, where the bytes are, and when they were last used."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from lamella.errors import NotFound
from lamella.index.contents import ContentRecord, Contents
from lamella.index.layers import Layers
from lamella.index.packs import PackTable
from lamella.index.place import Location, Place
from lamella.index.sha512_names import Sha512Names
from lamella.index.usage import UsageTable
from lamella.index.whole import WholeBlobs
from lamella.model import EMPTY, Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1

USED_RESOLUTION: Final = 3600
"""Seconds: how far ``BlobRecord.used`` may lag behind, so that most lookups need not write."""

INLINE_MAX: Final = 4080
"""The most bytes of a blob that is kept in the index: what fills one LMDB page with its header of 16 bytes."""


FINE_LEAST: Final = 256 << 10
"""Bytes from which on the uses of a hot blob are written down as finely as is asked for: none with fewer turns cold."""


class _Value(msgspec.Struct, array_like=True):
    version: int
    size: int
    used: int
    place: int
    stored: int


class _Packed(_Value, array_like=True):
    # Of an inflated blob the digest of its source, and nothing follows.
    pack: int | bytes = 0
    frame_offset: int = 0
    frame_length: int = 0
    frame_size: int = 0
    offset: int = 0


class _Inflated(_Value, array_like=True):
    source: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """What the index knows of a blob."""

    digest: Digest
    size: int
    """Its bytes."""
    place: Place
    """Where they are."""
    used: int
    """When it was used last: seconds since the epoch, up to ``USED_RESOLUTION`` late."""
    stored: int
    """The bytes that it takes on the disk, without those of the chunks that a recipe names."""
    location: Location | None = None
    """Where in a pack it is, if it is packed."""
    source: Digest | None = None
    """The stored blob that it is inflated from, if it is."""

    def is_where(self, other: BlobRecord) -> bool:
        """Tell whether both say that the bytes are in the same place."""
        return (self.place, self.location, self.source) == (other.place, other.location, other.source)


def _record(key: bytes, value: bytes) -> BlobRecord:
    fields = _decode(value)
    place = Place(fields.place)
    location = None
    if isinstance(fields.pack, bytes):
        return BlobRecord(Digest(key), fields.size, place, fields.used, fields.stored, source=Digest(fields.pack))
    if place is Place.PACKED:
        location = Location(fields.pack, fields.frame_offset, fields.frame_length, fields.frame_size, fields.offset)
    return BlobRecord(Digest(key), fields.size, place, fields.used, fields.stored, location)


class Blobs:
    """Methods that take a transaction are parts of a larger write; see ``Index.write``.

    An inflated blob is there exactly as long as its source, or shorter: it goes with it, and is used with it. Uses of
    large hot blobs are at most ``hot_resolution`` seconds late, which is less than the age at which they turn cold.
    """

    def __init__(
        self, index: Index, clock: Callable[[], float] = time.time, hot_resolution: float = USED_RESOLUTION
    ) -> None:
        self._index = index
        self.clock = clock
        self._hot_resolution = hot_resolution
        self._records = index.table("blobs")
        self._bytes = index.table("inline")
        self._usage = UsageTable(index)
        self._packs = PackTable(index)
        self._whole = WholeBlobs(index)
        self._sha512 = Sha512Names(index)
        self._layers = Layers(index)
        self._contents = Contents(index)

    def get(self, digest: Digest) -> BlobRecord | None:
        """Return what is known about a blob, or None."""
        with self._index.read() as txn:
            return self.find(txn, digest)

    def current(self, digest: Digest) -> BlobRecord | None:
        """Return what ``get`` does, as of the last commit of any process, even of one that was killed as it committed.

        Whoever removes a file since no record needs it asks this; see ``Index.read``. Blocks.

        Raises:
            ReadOnly: that cannot be told, since a commit failed here.
        """
        return self._index.submit(lambda txn: self.find(txn, digest)).result()

    def read(self, digest: Digest) -> tuple[BlobRecord, bytes | None] | None:
        """Return a blob's record with its bytes where the index holds them; None where there is no such blob."""
        with self._index.read() as txn:
            record = self.find(txn, digest)
            if record is None:
                return None
            return record, self._bytes.get(txn, digest.raw) if record.place is Place.INLINE else None

    def look_up(self, digest: Digest, *, count: bool = True) -> tuple[BlobRecord, bytes | None]:
        """Return what ``read`` does, and ``count`` the blob as used now; that is durable later, or not at all.

        Raises:
            NotFound: there is no such blob.
        """
        found = self.read(digest)
        if found is None:
            if digest == EMPTY:
                return BlobRecord(EMPTY, 0, Place.INLINE, 0, 0), b""
            raise NotFound(digest)
        if count and self._index.health.read_only is None and self.is_stale(found[0]):
            # Not awaited: a reader need not wait for the disk, and a use that is lost in a crash does no harm.
            self._index.submit(lambda txn: self.use(txn, digest))
        return found

    def get_many(self, digests: Iterable[Digest]) -> dict[Digest, BlobRecord]:
        """Return the records of those that are there."""
        with self._index.read() as txn:
            found = ((digest, self.find(txn, digest)) for digest in digests)
            return {digest: record for digest, record in found if record is not None}

    def inflated_from(self, source: Digest) -> BlobRecord | None:
        """Return the blob that is inflated from another, or None."""
        with self._index.read() as txn:
            return self.inflated(txn, source)

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
        fine = record.place is Place.FILE and record.size >= FINE_LEAST
        return abs(self.clock() - record.used) >= (self._hot_resolution if fine else USED_RESOLUTION)

    async def touch(self, digests: Iterable[Digest]) -> set[Digest]:
        """Count blobs as used now and return those that are not there any more."""
        wanted = list(digests)
        return await self._index.write(lambda txn: {digest for digest in wanted if not self.use(txn, digest)})

    def find(self, txn: Transaction, digest: Digest) -> BlobRecord | None:
        """Return what is known about a blob, or None."""
        value = self._records.get(txn, digest.raw)
        return None if value is None else _record(digest.raw, value)

    def has(self, txn: Transaction, digest: Digest) -> bool:
        """Tell whether anything is known about a blob, without decoding it."""
        return self._records.get(txn, digest.raw) is not None

    def use(self, txn: Transaction, digest: Digest) -> BlobRecord | None:
        """Count a blob, and what it is inflated from, as used now, and return its record; None where there is none."""
        record = self.find(txn, digest)
        if record is None or (record.source is not None and self.use(txn, record.source) is None):
            return None
        record = replace(record, used=self.now())
        self._write(txn, record)
        return record

    def put(self, txn: Transaction, digest: Digest, size: int, data: bytes | None = None) -> None:
        """Record a blob that is used now, in a file, or in the index where ``data`` is its bytes."""
        place = Place.FILE if data is None else Place.INLINE
        self.move(txn, BlobRecord(digest, size, place, self.now(), size))
        if data is not None:
            self._bytes.put(txn, digest.raw, data)

    def put_packed(self, txn: Transaction, digest: Digest, size: int, location: Location) -> bool:
        """Record a blob in a pack whose record is there, or count it as used and return False where it is elsewhere.

        One that was inflated until now is read from the pack.
        """
        found = self.find(txn, digest)
        if found is not None and found.place is not Place.INFLATED:
            return not self.use(txn, digest)
        self.move(txn, BlobRecord(digest, size, Place.PACKED, self.now(), location.share(size), location))
        return True

    def put_content(self, txn: Transaction, source: Digest, content: ContentRecord) -> bool:
        """Write down what a blob holds, and let that be a blob, too, unless it is one; False where it is or cannot be.

        That is no use of either. What is known of the blob stays as long as something is inflated from it.
        """
        stored = self.find(txn, source)
        if stored is None or stored.place is Place.INFLATED or self.inflated(txn, source) is not None:
            return False
        self._contents.put(txn, source, content)
        digest = content.digest
        if digest is None or digest == EMPTY or self.find(txn, digest) is not None:
            return False
        self.move(txn, BlobRecord(digest, content.size, Place.INFLATED, stored.used, 0, source=source))
        return True

    def inflated(self, txn: Transaction, source: Digest) -> BlobRecord | None:
        """Return the blob that is inflated from another, or None."""
        content = self._contents.find(txn, source)
        if content is None or content.digest is None:
            return None
        record = self.find(txn, content.digest)
        return record if record is not None and record.source == source else None

    def move(self, txn: Transaction, record: BlobRecord) -> None:
        """Set the record of a blob, and count it in its new place instead of the one where it was, if any."""
        self._take_out(txn, record.digest)
        self._count(txn, record, 1)
        self._write(txn, record)

    def remove(self, txn: Transaction, digest: Digest) -> BlobRecord | None:
        """Forget a blob, with what was known of its bytes and what is inflated from it; return its record."""
        inflated = self.inflated(txn, digest)
        if inflated is not None:
            self._forget(txn, inflated.digest)
        return self._forget(txn, digest)

    def _forget(self, txn: Transaction, digest: Digest) -> BlobRecord | None:
        self._contents.remove(txn, digest)
        self._whole.remove(txn, digest)
        self._sha512.remove(txn, digest)
        self._layers.remove(txn, digest)
        return self._take_out(txn, digest)

    def _take_out(self, txn: Transaction, digest: Digest) -> BlobRecord | None:
        record = self.find(txn, digest)
        if record is not None:
            self._count(txn, record, -1)
            self._records.delete(txn, digest.raw)
            self._bytes.delete(txn, digest.raw)
        return record

    def now(self) -> int:
        """Return what ``BlobRecord.used`` is of a blob that is used now."""
        return int(self.clock())

    def _count(self, txn: Transaction, record: BlobRecord, sign: int) -> None:
        """Count a record in the totals of its place and its pack, or (``sign`` -1) count it no more."""
        change = self._usage.add if sign > 0 else self._usage.subtract
        change(txn, record.place, record.size, record.stored)
        if record.location is not None:
            self._packs.change(txn, record.location.pack, sign, sign * record.stored)

    def _write(self, txn: Transaction, record: BlobRecord) -> None:
        fields = (VALUE_VERSION, record.size, record.used, int(record.place), record.stored)
        at = record.location
        if record.source is not None:
            value = _encode(_Inflated(*fields, record.source.raw))
        elif at is None:
            value = _encode(_Value(*fields))
        else:
            value = _encode(_Packed(*fields, at.pack, at.frame_offset, at.frame_length, at.frame_size, at.offset))
        self._records.put(txn, record.digest.raw, value)
