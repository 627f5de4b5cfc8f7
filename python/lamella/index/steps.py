"""Step results by scope and step key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import NotFound
from lamella.index.keys import scoped_key
from lamella.index.step_record import StepRecord, decode, encode
from lamella.index.uses import UnitKind, Uses
from lamella.model import EMPTY

if TYPE_CHECKING:
    from lamella.index.blobs import Blobs
    from lamella.index.environment import Index
    from lamella.index.table import Transaction
    from lamella.model import Digest


class Steps:
    """A result whose layer is no longer in the store is as good as gone."""

    def __init__(self, index: Index, blobs: Blobs) -> None:
        self._index = index
        self._blobs = blobs
        self._uses = Uses(index, blobs.clock)
        self._steps = index.table("steps")

    def get(self, scope: str, key: Digest) -> StepRecord | None:
        """Return the record of a step key in a scope, or None.

        Raises:
            Invalid: the scope cannot be part of a key.
        """
        with self._index.read() as txn:
            return self._find(txn, scoped_key(scope, key))

    def layer(self, scope: str, key: Digest) -> Digest | None:
        """Return the layer of a step's result, whether or not it is in the store; None where it has none."""
        with self._index.read() as txn:
            value = self._steps.get(txn, scoped_key(scope, key))
        layer = None if value is None else decode(value).result.layer
        return None if layer is None else layer.descriptor.digest

    def note_use(self, scope: str, key: Digest) -> None:
        """Count a result as used now; see ``Uses.note``."""
        self._uses.note(UnitKind.STEP, scoped_key(scope, key))

    async def put_if_absent(self, scope: str, key: Digest, record: StepRecord) -> tuple[StepRecord, bool]:
        """Store a record unless there is one; return the one that is there now, and whether it is this one.

        That one, and its layer, count as used now.

        Raises:
            Invalid: the scope cannot be part of a key.
            NotFound: the record's layer is not in the store; checked in the same transaction.
        """
        row = scoped_key(scope, key)
        value = encode(record)

        def put(txn: Transaction) -> tuple[StepRecord, bool]:
            earlier = self._find(txn, row)
            if earlier is not None:
                self._use(txn, row, earlier)
                return earlier, False
            if (lost := self._lost_layer(txn, record)) is not None:
                raise NotFound(lost)
            self._steps.put(txn, row, value)
            self._use(txn, row, record)
            return record, True

        return await self._index.write(put)

    def _find(self, txn: Transaction, row: bytes) -> StepRecord | None:
        value = self._steps.get(txn, row)
        if value is None:
            return None
        record = decode(value)
        return record if self._lost_layer(txn, record) is None else None

    def _use(self, txn: Transaction, row: bytes, record: StepRecord) -> None:
        self._uses.use(txn, UnitKind.STEP, row)
        if record.result.layer is not None:
            self._blobs.use(txn, record.result.layer.descriptor.digest)

    def _lost_layer(self, txn: Transaction, record: StepRecord) -> Digest | None:
        """Return the digest of the record's layer where it is not in the store."""
        if record.result.layer is None:
            return None
        digest = record.result.layer.descriptor.digest
        return None if digest == EMPTY or self._blobs.find(txn, digest) is not None else digest
