"""Remote Execution action results, kept as the bytes of their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.index.keys import scoped_key

if TYPE_CHECKING:
    from lamella.index.environment import Index
    from lamella.model import Digest


class Actions:
    """Scope and action digest to an encoded ``ActionResult``; the caller checks that its outputs are there."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._actions = index.table("actions")

    def get(self, scope: str, action: Digest) -> bytes | None:
        """Return the result of an action, or None.

        Raises:
            Invalid: the scope cannot be part of a key.
        """
        key = scoped_key(scope, action)
        with self._index.read() as txn:
            return self._actions.get(txn, key)

    async def put(self, scope: str, action: Digest, result: bytes) -> None:
        """Set the result of an action, replacing an earlier one.

        Raises:
            Invalid: the scope cannot be part of a key.
        """
        key = scoped_key(scope, action)
        await self._index.write(lambda txn: self._actions.put(txn, key, result))
