"""Blobs that clients know by their SHA-512."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import NotFound
from lamella.model import EMPTY, Digest, Sha512

if TYPE_CHECKING:
    from lamella.index.environment import Index
    from lamella.index.table import Transaction


class Sha512Names:
    """SHA-512 to digest and back; ``Blobs`` forgets a blob's when the blob goes."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._digests = index.table("sha512")
        self._names = index.table("sha512_of")
        self._blobs = index.table("blobs")

    def find(self, name: Sha512) -> Digest | None:
        """Return the digest of the blob that was stored with this SHA-512, or None."""
        with self._index.read() as txn:
            raw = self._digests.get(txn, name.raw)
        return None if raw is None else Digest(raw)

    def of(self, digest: Digest) -> Sha512 | None:
        """Return a blob's SHA-512, or None where nobody named it so."""
        with self._index.read() as txn:
            raw = self._names.get(txn, digest.raw)
        return None if raw is None else Sha512(raw)

    async def add(self, name: Sha512, digest: Digest) -> None:
        """Remember that a blob has this SHA-512; durable on return.

        Raises:
            NotFound: the blob is not in the store: nothing would ever take its name away.
        """

        def add(txn: Transaction) -> None:
            if digest != EMPTY and self._blobs.get(txn, digest.raw) is None:
                raise NotFound(digest)
            self._digests.put(txn, name.raw, digest.raw)
            self._names.put(txn, digest.raw, name.raw)

        if self.find(name) != digest:
            await self._index.write(add)

    def remove(self, txn: Transaction, digest: Digest) -> None:
        """Forget a blob's SHA-512."""
        raw = self._names.get(txn, digest.raw)
        if raw is not None:
            self._digests.delete(txn, raw)
            self._names.delete(txn, digest.raw)
