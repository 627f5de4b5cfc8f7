"""Reads blobs without counting them as used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.model import EMPTY
from lamella.store.wrapper import WrappedStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from typing_extensions import Buffer

    from lamella.errors import LamellaError
    from lamella.model import Digest
    from lamella.store.local import LocalStore


class UncountedStore(WrappedStore):
    """A ``BlobStore`` for who looks after a store: what only maintenance reads is not kept for it."""

    def __init__(self, local: LocalStore) -> None:
        super().__init__(local)
        self._local = local

    async def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """See ``BlobStore.missing``."""
        wanted = set(digests) - {EMPTY}
        return wanted - self._local.blobs.get_many(wanted).keys()

    def open(self, digest: Digest, offset: int = 0, length: int | None = None) -> AsyncGenerator[Buffer, None]:
        """See ``BlobStore.open``."""
        return self._local.open(digest, offset, length, count=False)

    async def read_many(self, digests: Iterable[Digest]) -> dict[Digest, bytes | LamellaError]:
        """See ``BlobStore.read_many``."""
        return await self._local.read_many(digests, count=False)
