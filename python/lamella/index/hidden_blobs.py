"""Blobs that were deleted from a repository: the store may still have them, for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.index.keys import scoped_key

if TYPE_CHECKING:
    from lamella.index.environment import Index
    from lamella.index.table import Transaction
    from lamella.model import Digest


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

    async def add(self, repository: str, digest: Digest) -> None:
        """Hide a blob in a repository."""
        key = scoped_key(repository, digest)
        await self._index.write(lambda txn: self._hidden.put(txn, key, b""))

    async def discard(self, repository: str, digest: Digest) -> None:
        """Show a blob again; nothing is written where it is not hidden."""
        if self.has(repository, digest):
            key = scoped_key(repository, digest)
            await self._index.write(lambda txn: self._hidden.delete(txn, key))
