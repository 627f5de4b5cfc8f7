"""Blobs that were deleted from a repository: the store may still have them, for others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lamella.index.keys import scoped_key
from lamella.model import EMPTY, Digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lamella.index.blobs import Blobs
    from lamella.index.environment import Index
    from lamella.index.table import Transaction


class HiddenBlobs:
    """A set of pairs of repository and digest."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._hidden = index.table("hidden_blobs")

    def has(self, repository: str, digest: Digest) -> bool:
        """Tell whether a blob is hidden in a repository."""
        with self._index.read() as txn:
            return self.find(txn, repository, digest)

    def find(self, txn: Transaction, repository: str, digest: Digest) -> bool:
        """Tell whether a blob is hidden in a repository."""
        return self._hidden.get(txn, scoped_key(repository, digest)) is not None

    def page(self, after: bytes, limit: int) -> list[bytes]:
        """Return the keys of up to ``limit`` rows that follow ``after``, empty for the first ones."""
        with self._index.read() as txn:
            return [key for key, _ in islice(self._hidden.scan(txn, after + b"\0" if after else b""), limit)]

    @staticmethod
    def is_gone(txn: Transaction, key: bytes, blobs: Blobs) -> bool:
        """Tell whether the store does not have the blob of a row any more."""
        digest = Digest(key[-32:])
        return digest != EMPTY and blobs.find(txn, digest) is None

    def remove_gone(self, txn: Transaction, keys: Iterable[bytes], blobs: Blobs) -> None:
        """Remove those rows whose blobs the store does not have any more: there is nothing left to hide."""
        for key in keys:
            if self.is_gone(txn, key, blobs):
                self._hidden.delete(txn, key)

    async def add(self, repository: str, digest: Digest) -> None:
        """Hide a blob in a repository."""
        key = scoped_key(repository, digest)
        await self._index.write(lambda txn: self._hidden.put(txn, key, b""))

    async def discard(self, repository: str, digest: Digest) -> None:
        """Show a blob again; nothing is written where it is not hidden."""
        if self.has(repository, digest):
            key = scoped_key(repository, digest)
            await self._index.write(lambda txn: self._hidden.delete(txn, key))
