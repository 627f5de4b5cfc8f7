"""What is kept or goes as one, whatever its kind: rows of ``steps``, ``actions``, ``tags`` and ``manifests``."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from lamella.index.uses import UnitKind, Uses
from lamella.model import Digest

if TYPE_CHECKING:
    from lamella.index.environment import Index
    from lamella.index.manifests import ManifestTable
    from lamella.index.table import Transaction

_TABLES: Final = {
    UnitKind.STEP: "steps",
    UnitKind.ACTION: "actions",
    UnitKind.TAG: "tags",
    UnitKind.MANIFEST: "manifests",
}

_BEHIND: Final = b"\1"
"""What follows a space's name in no key, and comes after all keys of that space."""


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit: ``used`` is its last use in seconds since the epoch, None where that was never written down."""

    kind: UnitKind
    key: bytes
    used: int | None

    @property
    def space(self) -> str:
        """The scope or repository that it is in."""
        return self.key.partition(b"\0")[0].decode()

    @property
    def digest(self) -> Digest:
        """The step key, action or manifest; a tag has none."""
        return Digest(self.key.partition(b"\0")[2])

    @property
    def name(self) -> str:
        """The tag, or the digest as text."""
        return self.key.partition(b"\0")[2].decode() if self.kind is UnitKind.TAG else str(self.digest)


class Units:
    """Methods that take a transaction are parts of a larger write; see ``Index.write``."""

    def __init__(self, index: Index, uses: Uses, manifests: ManifestTable) -> None:
        self._index = index
        self._uses = uses
        self._manifests = manifests
        self._rows = {kind: index.table(name) for kind, name in _TABLES.items()}

    def page(self, kind: UnitKind, after: bytes | None, limit: int, space: str | None = None) -> list[UnitRow]:
        """Return up to ``limit`` units, of one ``space`` or all, that follow ``after``, in the order of their keys."""
        start = b"" if after is None else after + b"\0"
        prefix = b"" if space is None else space.encode() + b"\0"
        with self._index.read() as txn:
            rows = islice(self._rows[kind].scan(txn, start, prefix), limit)
            return [UnitRow(kind, key, self._uses.find(txn, kind, key)) for key, _ in rows]

    def spaces(self, kind: UnitKind, after: str | None, limit: int) -> list[str]:
        """Return up to ``limit`` scopes or repositories that have units of a kind and follow ``after``."""
        start = b"" if after is None else after.encode() + _BEHIND
        found: list[str] = []
        with self._index.read() as txn:
            while len(found) < limit and (row := next(self._rows[kind].scan(txn, start), None)) is not None:
                space = row[0].partition(b"\0")[0]
                found.append(space.decode())
                start = space + _BEHIND
        return found

    def rows(self, kind: UnitKind, after: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to ``limit`` keys that follow ``after``, with their values as they are."""
        start = b"" if after is None else after + b"\0"
        with self._index.read() as txn:
            return list(islice(self._rows[kind].scan(txn, start), limit))

    def date(self, txn: Transaction, unit: UnitRow) -> None:
        """Count a unit as used now, if it is still there, and was not used since it was read."""
        unchanged = self._uses.find(txn, unit.kind, unit.key) == unit.used
        if unchanged and self._rows[unit.kind].get(txn, unit.key) is not None:
            self._uses.use(txn, unit.kind, unit.key)

    def remove_unused(self, txn: Transaction, unit: UnitRow, before: int) -> bool:
        """Remove a unit that is there no more, or was not used at ``before`` or later; False where it was."""
        if self._rows[unit.kind].get(txn, unit.key) is None:
            return True
        used = self._uses.find(txn, unit.kind, unit.key)
        if used is None or used >= before:
            return False
        if unit.kind is UnitKind.TAG:
            self._manifests.untag(txn, unit.space, unit.name)
        elif unit.kind is UnitKind.MANIFEST:
            self._manifests.forget(txn, unit.space, unit.digest)
        else:
            self._rows[unit.kind].delete(txn, unit.key)
            self._uses.remove(txn, unit.kind, unit.key)
        return True
