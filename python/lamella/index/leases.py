"""Time-limited claims on blobs in use, so that nobody deletes them."""

from __future__ import annotations

import secrets
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from lamella.errors import NotFound
from lamella.model import EMPTY, Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lamella.index.blobs import Blobs
    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1
_ID_BYTES: Final = 16
_EXPIRY = struct.Struct(">d")


class _Value(msgspec.Struct, array_like=True):
    version: int
    owner: str
    expires: float
    digests: list[bytes]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim on blobs until ``expires``, in seconds since the epoch. ``id`` is 32 hexadecimal digits."""

    id: str
    owner: str
    expires: float
    digests: frozenset[Digest]


class Leases:
    """A lease that has expired is as good as gone, whether or not ``sweep`` has removed it."""

    def __init__(self, index: Index, blobs: Blobs, clock: Callable[[], float] = time.time) -> None:
        self._index = index
        self._blobs = blobs
        self._clock = clock
        self._leases = index.table("leases")
        self._leased = index.table("leased")

    def get(self, lease_id: str) -> Lease | None:
        """Return a lease that has not expired, or None."""
        with self._index.read() as txn:
            return self._find(txn, lease_id)

    async def acquire(self, owner: str, digests: Iterable[Digest], seconds: float) -> Lease:
        """Claim blobs for some time.

        Raises:
            NotFound: one of them is not in the store; none is claimed.
        """
        claimed = frozenset(digests) - {EMPTY}
        lease = Lease(secrets.token_hex(_ID_BYTES), owner, self._clock() + seconds, claimed)

        def put(txn: Transaction) -> Lease:
            for digest in claimed:
                if not self._blobs.use(txn, digest):
                    raise NotFound(digest)
            self._put(txn, lease)
            return lease

        return await self._index.write(put)

    async def renew(self, lease_id: str, seconds: float) -> Lease | None:
        """Let a lease expire that many seconds from now instead; None where it has expired already."""

        def put(txn: Transaction) -> Lease | None:
            lease = self._find(txn, lease_id)
            if lease is not None:
                lease = Lease(lease.id, lease.owner, self._clock() + seconds, lease.digests)
                self._put(txn, lease)
            return lease

        return await self._index.write(put)

    async def release(self, lease_id: str) -> bool:
        """End a lease; False where there is none."""
        return await self._index.write(lambda txn: self._remove(txn, bytes.fromhex(lease_id)))

    async def sweep(self) -> int:
        """Remove the leases that have expired and return how many there were."""

        def remove(txn: Transaction) -> int:
            now = self._clock()
            expired = [key for key, value in self._leases.scan(txn) if _decode(value).expires <= now]
            return sum(self._remove(txn, key) for key in expired)

        return await self._index.write(remove)

    def covered(self) -> set[Digest]:
        """Return every blob that a lease covers that has not expired."""
        now = self._clock()
        with self._index.read() as txn:
            rows = self._leased.scan(txn)
            return {Digest(key[:-_ID_BYTES]) for key, value in rows if _EXPIRY.unpack(value)[0] > now}

    def cover(self, txn: Transaction, digest: Digest) -> bool:
        """Tell whether a lease that has not expired covers a blob."""
        now = self._clock()
        rows = self._leased.scan(txn, prefix=digest.raw)
        return any(_EXPIRY.unpack(value)[0] > now for _, value in rows)

    def _find(self, txn: Transaction, lease_id: str) -> Lease | None:
        value = self._leases.get(txn, bytes.fromhex(lease_id))
        if value is None or (fields := _decode(value)).expires <= self._clock():
            return None
        return Lease(lease_id, fields.owner, fields.expires, frozenset(map(Digest, fields.digests)))

    def _put(self, txn: Transaction, lease: Lease) -> None:
        key = bytes.fromhex(lease.id)
        digests = sorted(digest.raw for digest in lease.digests)
        self._leases.put(txn, key, _encode(_Value(VALUE_VERSION, lease.owner, lease.expires, digests)))
        for digest in digests:
            self._leased.put(txn, digest + key, _EXPIRY.pack(lease.expires))

    def _remove(self, txn: Transaction, key: bytes) -> bool:
        value = self._leases.get(txn, key)
        if value is None:
            return False
        self._leases.delete(txn, key)
        for digest in _decode(value).digests:
            self._leased.delete(txn, digest + key)
        return True
