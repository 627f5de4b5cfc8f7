"""Step results in the index, as the domain asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.index import StepRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella.index import Steps
    from lamella.model import Digest, Scope, Step, StepResult
    from lamella.store.protocol import BlobStore


class StepResults:
    """Implements ``steps.resolve.Lookup`` and ``steps.commit.StepResults``."""

    def __init__(self, steps: Steps, store: BlobStore) -> None:
        self._steps = steps
        self._store = store

    async def find(self, scopes: Sequence[Scope], key: Digest) -> StepResult | None:
        """Return the first scope's result whose layer is in the store; both count as used now."""
        for scope in scopes:
            record = self._steps.get(str(scope), key)
            if record is not None and await self._has_layer(record.result):
                self._steps.note_use(str(scope), key)
                return record.result
        return None

    async def put_if_absent(self, scope: Scope, key: Digest, step: Step, result: StepResult) -> tuple[StepResult, bool]:
        """Keep a result unless the scope has one; see ``steps.commit.StepResults``."""
        record, created = await self._steps.put_if_absent(str(scope), key, StepRecord(step, result))
        return record.result, created

    async def _has_layer(self, result: StepResult) -> bool:
        return result.layer is None or not await self._store.missing([result.layer.descriptor.digest])
