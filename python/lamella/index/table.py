"""One named LMDB tree: ordered bytes to bytes, within a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    import lmdb

Transaction: TypeAlias = "lmdb.Transaction[bytes]"
"""A view of all tables at one moment; keep it short, since the pages it sees cannot be reused while it lives."""

MAX_KEY = 511
"""The longest key, in bytes; LMDB is compiled with it."""


class Table:
    """The methods take the transaction first; those that change something need a writing one."""

    def __init__(self, database: lmdb._Database) -> None:
        self._database = database

    def get(self, txn: Transaction, key: bytes) -> bytes | None:
        """Return the value of a key, or None."""
        return txn.get(key, db=self._database)

    def put(self, txn: Transaction, key: bytes, value: bytes) -> None:
        """Set the value of a key."""
        txn.put(key, value, db=self._database)

    def delete(self, txn: Transaction, key: bytes) -> bool:
        """Remove a key and tell whether it was there."""
        return txn.delete(key, db=self._database)

    def count(self, txn: Transaction) -> int:
        """Return how many keys there are."""
        return txn.stat(self._database)["entries"]

    def scan(self, txn: Transaction, start: bytes = b"", prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield keys from ``start`` on that begin with ``prefix``, in the order of their bytes, with their values."""
        with txn.cursor(db=self._database) as cursor:
            found = cursor.set_range(max(start, prefix)) if start or prefix else cursor.first()
            while found and (key := cursor.key()).startswith(prefix):
                yield key, cursor.value()
                found = cursor.next()
