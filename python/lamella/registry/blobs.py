"""Blobs as a repository sees them.

The store keeps each blob once, and every repository sees it, so that a layer pushed through one repository, or through
another door, need not be pushed again. What is deleted from a repository is hidden there until it is pushed or mounted
again; its bytes stay for the others until the store collects them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import NotFound
from lamella.model import Digest
from lamella.registry.errors import BlobUnknown, DigestInvalid
from lamella.registry.sha512 import sha512_of

if TYPE_CHECKING:
    from lamella.index import HiddenBlobs, Sha512Names
    from lamella.model import BlobName
    from lamella.registry.names import Repository
    from lamella.store.protocol import BlobInfo, BlobStore


class RepositoryBlobs:
    """The store's blobs, less those that are hidden in a repository."""

    def __init__(self, store: BlobStore, hidden: HiddenBlobs, names: Sha512Names) -> None:
        self._store = store
        self._hidden = hidden
        self._names = names

    async def stat(self, repository: Repository, name: BlobName) -> BlobInfo:
        """Describe a blob, and count it as used: who hears of it will not upload it.

        Raises:
            NotFound, BlobUnknown: the repository does not have it.
        """
        digest = self._digest(name)
        if self._hidden.has(repository.name, digest) or await self._store.missing([digest]):
            raise NotFound(digest)
        return await self._store.stat(digest)

    async def mount(self, repository: Repository, name: BlobName, source: Repository | None = None) -> bool:
        """Show a blob in a repository, if ``source``, or without one the store, has it; tell whether it is there."""
        digest = name if isinstance(name, Digest) else self._names.find(name)
        if digest is None:
            return False
        if source is not None and self._hidden.has(source.name, digest):
            return False
        if await self._store.missing([digest]):
            return False
        await self.show(repository, digest)
        return True

    async def show(self, repository: Repository, digest: Digest) -> None:
        """Undo an earlier ``delete``: the blob was pushed to the repository."""
        await self._hidden.discard(repository.name, digest)

    async def accept(self, repository: Repository, name: BlobName, digest: Digest) -> None:
        """Show a blob that was just pushed by a name; one that is a SHA-512 is verified, which reads the blob again.

        Raises:
            DigestInvalid: the blob has another SHA-512; what is stored is known by its digest alone.
            NotFound: the blob is gone by now.
        """
        if not isinstance(name, Digest):
            actual = await sha512_of(self._store, digest)
            if actual != name:
                raise DigestInvalid(str(name), f"expected {name}, but the bytes have {actual}")
            await self._names.add(name, digest)
        await self.show(repository, digest)

    async def delete(self, repository: Repository, name: BlobName) -> None:
        """Hide a blob in a repository.

        Raises:
            NotFound, BlobUnknown: the repository does not have it.
        """
        await self._hidden.add(repository.name, (await self.stat(repository, name)).digest)

    def _digest(self, name: BlobName) -> Digest:
        digest = name if isinstance(name, Digest) else self._names.find(name)
        if digest is None:
            raise BlobUnknown(name)
        return digest
