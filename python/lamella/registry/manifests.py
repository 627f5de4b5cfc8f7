"""Manifests of repositories: every read and write of one, by tag or by digest, goes through here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import DigestMismatch, NotFound
from lamella.index import ManifestRecord
from lamella.model import Digest
from lamella.registry.errors import ManifestBlobsUnknown, ManifestUnknown, RepositoryUnknown
from lamella.registry.manifest import read_manifest
from lamella.registry.names import Tag
from lamella.store.small_blobs import read_blob, write_blob

if TYPE_CHECKING:
    from lamella.index import ManifestTable
    from lamella.registry.names import Reference, Repository
    from lamella.store.protocol import BlobStore


class Manifests:
    """A manifest's bytes are a blob of the store; the index says which repository has it, and as what type."""

    def __init__(self, table: ManifestTable, store: BlobStore) -> None:
        self._table = table
        self._store = store

    def resolve(self, repository: Repository, reference: Reference) -> ManifestRecord:
        """Return the manifest that was pushed as a reference last; doors ask ``MergedCaches`` instead.

        Raises:
            ManifestUnknown: there is none.
            RepositoryUnknown: there is no manifest at all.
        """
        if isinstance(reference, Tag):
            record = self._table.get_tagged(repository.name, reference.name)
        else:
            record = self._table.get(repository.name, reference)
        if record is None:
            raise self._unknown(repository, reference)
        return record

    async def read(self, repository: Repository, record: ManifestRecord) -> bytes:
        """Return a manifest's exact bytes, at most ``MAX_MANIFEST``.

        Raises:
            ManifestUnknown: they are gone since it was resolved.
        """
        try:
            return await read_blob(self._store, record.digest)
        except NotFound:
            raise ManifestUnknown(repository, record.digest) from None

    async def put(
        self, repository: Repository, reference: Reference, body: bytes, content_type: str = "", *, merge: bool = False
    ) -> ManifestRecord:
        """Store a manifest and let ``reference``, if a tag, name it; durable on return.

        ``merge`` says that it was merged of others, and need not stay when it no longer answers for a tag.

        Raises:
            ManifestInvalid, LimitExceeded: see ``read_manifest``.
            DigestMismatch: ``reference`` is a digest, and the bytes have another.
            SizeMismatch: something it refers to has another size than it says.
            ManifestBlobsUnknown: the repository lacks something it refers to, other than its subject.
        """
        manifest = read_manifest(body, content_type)
        digest = Digest.of(body)
        if isinstance(reference, Digest) and reference != digest:
            raise DigestMismatch(reference, digest)
        await write_blob(self._store, digest, body)
        record = ManifestRecord(
            digest, len(body), manifest.media_type, manifest.subject, manifest.buildkit_cache, merge=merge
        )
        tags = (reference.name,) if isinstance(reference, Tag) else ()
        if lacking := await self._table.put(repository.name, record, manifest.references, tags):
            raise ManifestBlobsUnknown(lacking)
        return record

    async def delete(self, repository: Repository, reference: Reference) -> None:
        """Forget a tag, or a manifest with all tags that name it.

        Raises:
            ManifestUnknown: there is none.
            RepositoryUnknown: there is no manifest at all.
        """
        if isinstance(reference, Tag):
            removed = await self._table.remove_tag(repository.name, reference.name)
        else:
            removed = await self._table.remove(repository.name, reference)
        if not removed:
            raise self._unknown(repository, reference)

    def _unknown(self, repository: Repository, reference: Reference) -> ManifestUnknown | RepositoryUnknown:
        if self._table.has_repository(repository.name):
            return ManifestUnknown(repository, reference)
        return RepositoryUnknown(repository)
