"""Tags: names of manifests within a repository."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lamella.index.keys import scoped_key, tag_key
from lamella.model import Digest

if TYPE_CHECKING:
    from lamella.index.environment import Index
    from lamella.index.table import Transaction


class TagTable:
    """Repository and tag to a manifest's digest, and back."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._tags = index.table("tags")
        self._tagged = index.table("tagged")

    def page(self, repository: str, after: str, limit: int) -> list[str]:
        """Return up to ``limit`` tags that follow ``after``, in the order of their bytes."""
        prefix = tag_key(repository, "")
        with self._index.read() as txn:
            rows = self._tags.scan(txn, tag_key(repository, after) + b"\0", prefix)
            return [key[len(prefix) :].decode() for key, _ in islice(rows, limit)]

    def find(self, txn: Transaction, repository: str, tag: str) -> Digest | None:
        """Return the digest that a tag names, or None."""
        value = self._tags.get(txn, tag_key(repository, tag))
        return None if value is None else Digest(value)

    def put(self, txn: Transaction, repository: str, tag: str, digest: Digest) -> None:
        """Let a tag name a manifest, whatever it named before."""
        self.remove(txn, repository, tag)
        self._tags.put(txn, tag_key(repository, tag), digest.raw)
        self._tagged.put(txn, scoped_key(repository, digest) + tag.encode(), b"")

    def remove(self, txn: Transaction, repository: str, tag: str) -> bool:
        """Forget a tag; False where there is none."""
        digest = self.find(txn, repository, tag)
        if digest is None:
            return False
        self._tags.delete(txn, tag_key(repository, tag))
        self._tagged.delete(txn, scoped_key(repository, digest) + tag.encode())
        return True

    def names(self, txn: Transaction, repository: str, digest: Digest) -> list[str]:
        """Return every tag of a manifest."""
        prefix = scoped_key(repository, digest)
        return [key[len(prefix) :].decode() for key, _ in self._tagged.scan(txn, prefix=prefix)]
