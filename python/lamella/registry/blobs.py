"""Blobs as a repository sees them.

The store keeps each blob once, and every repository sees it, so that a layer pushed through one repository, or through
another door, need not be pushed again. What is deleted from a repository is hidden there until it is pushed or mounted
again; its bytes stay for the others until the store collects them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import NotFound

if TYPE_CHECKING:
    from lamella.index import HiddenBlobs
    from lamella.model import Digest
    from lamella.registry.names import Repository
    from lamella.store.protocol import BlobInfo, BlobStore


class RepositoryBlobs:
    """The store's blobs, less those that are hidden in a repository."""

    def __init__(self, store: BlobStore, hidden: HiddenBlobs) -> None:
        self._store = store
        self._hidden = hidden

    async def stat(self, repository: Repository, digest: Digest) -> BlobInfo:
        """Describe a blob, and count it as used: who hears of it will not upload it.

        Raises:
            NotFound: the repository does not have it.
        """
        if self._hidden.has(repository.name, digest) or await self._store.missing([digest]):
            raise NotFound(digest)
        return await self._store.stat(digest)

    async def mount(self, repository: Repository, digest: Digest, source: Repository | None = None) -> bool:
        """Show a blob in a repository, if ``source``, or without one the store, has it; tell whether it is there."""
        if source is not None and self._hidden.has(source.name, digest):
            return False
        if await self._store.missing([digest]):
            return False
        await self.show(repository, digest)
        return True

    async def show(self, repository: Repository, digest: Digest) -> None:
        """Undo an earlier ``delete``: the blob was pushed to the repository."""
        await self._hidden.discard(repository.name, digest)

    async def delete(self, repository: Repository, digest: Digest) -> None:
        """Hide a blob in a repository.

        Raises:
            NotFound: the repository does not have it.
        """
        await self.stat(repository, digest)
        await self._hidden.add(repository.name, digest)
