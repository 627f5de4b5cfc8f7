"""Remote Execution action results, kept as the bytes of their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.index.keys import scoped_key
from lamella.index.uses import UnitKind, Uses
from lamella.model import EMPTY

if TYPE_CHECKING:
    from collections.abc import Collection

    from lamella.index.blobs import Blobs
    from lamella.index.environment import Index
    from lamella.index.table import Transaction
    from lamella.model import Digest


class Actions:
    """Scope and action digest to an encoded ``ActionResult``."""

    def __init__(self, index: Index, blobs: Blobs) -> None:
        self._index = index
        self._blobs = blobs
        self._uses = Uses(index, blobs.clock)
        self._actions = index.table("actions")

    def get(self, scope: str, action: Digest) -> bytes | None:
        """Return the result of an action, or None.

        Raises:
            Invalid: the scope cannot be part of a key.
        """
        key = scoped_key(scope, action)
        with self._index.read() as txn:
            return self._actions.get(txn, key)

    def note_use(self, scope: str, action: Digest) -> None:
        """Count a result as used now; see ``Uses.note``."""
        self._uses.note(UnitKind.ACTION, scoped_key(scope, action))

    async def put(self, scope: str, action: Digest, result: bytes, named: Collection[Digest]) -> set[Digest]:
        """Set the result of an action, replacing an earlier one; ``named`` are the blobs that it needs.

        Returns:
            Those that the store lacks; then nothing was changed.

        Raises:
            Invalid: the scope cannot be part of a key.
        """
        key = scoped_key(scope, action)

        def put(txn: Transaction) -> set[Digest]:
            missing = {digest for digest in named if digest != EMPTY and not self._blobs.use(txn, digest)}
            if not missing:
                self._actions.put(txn, key, result)
                self._uses.use(txn, UnitKind.ACTION, key)
            return missing

        return await self._index.write(put)
