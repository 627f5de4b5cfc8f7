"""Manifests of repositories: every read and write of one, by tag or by digest, goes through here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import Corrupted, DigestMismatch, NotFound
from lamella.index import ManifestRecord
from lamella.model import Digest, Sha512
from lamella.registry.errors import DigestInvalid, ManifestBlobsUnknown, ManifestUnknown, RepositoryUnknown
from lamella.registry.manifest import read_manifest
from lamella.registry.names import Tag
from lamella.store.small_blobs import read_blob, write_blob

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lamella.index import ManifestTable, Sha512Names
    from lamella.model import BlobName, Descriptor
    from lamella.registry.manifest import Manifest
    from lamella.registry.names import Reference, Repository
    from lamella.store.protocol import BlobStore


class Manifests:
    """A manifest's bytes are a blob of the store; the index says which repository has it, and as what type.

    ``accepted`` is told which blobs a manifest names that was just stored.
    """

    def __init__(
        self,
        table: ManifestTable,
        store: BlobStore,
        names: Sha512Names,
        accepted: Callable[[Collection[Descriptor]], None],
    ) -> None:
        self._table = table
        self._store = store
        self._names = names
        self._accepted = accepted

    def resolve(self, repository: Repository, reference: Reference) -> ManifestRecord:
        """Return the manifest that was pushed as a reference last; doors ask ``MergedCaches`` instead.

        Raises:
            ManifestUnknown: there is none.
            RepositoryUnknown: there is no manifest at all.
        """
        if isinstance(reference, Tag):
            record = self._table.get_tagged(repository.name, reference.name)
        else:
            digest = self._digest(reference)
            record = None if digest is None else self._table.get(repository.name, digest)
        if record is None:
            raise self._unknown(repository, reference)
        return record

    def parse(self, body: bytes, content_type: str) -> Manifest:
        """Read a manifest's bytes; see ``read_manifest``."""
        return read_manifest(body, content_type, self._names.find)

    async def read(self, repository: Repository, record: ManifestRecord) -> bytes:
        """Return a manifest's exact bytes, at most ``MAX_MANIFEST``.

        Raises:
            ManifestUnknown: they are gone since it was resolved, or damaged.
        """
        try:
            return await read_blob(self._store, record.digest)
        except (NotFound, Corrupted):
            raise ManifestUnknown(repository, record.digest) from None

    async def put(
        self, repository: Repository, reference: Reference, body: bytes, content_type: str = "", *, merge: bool = False
    ) -> ManifestRecord:
        """Store a manifest and let ``reference``, if a tag, name it; durable on return.

        ``merge`` says that it was merged of others, and need not stay when it no longer answers for a tag.

        Raises:
            ManifestInvalid, LimitExceeded: see ``read_manifest``.
            DigestMismatch, DigestInvalid: ``reference`` is a digest, and the bytes have another.
            SizeMismatch: something it refers to has another size than it says.
            ManifestBlobsUnknown: the repository lacks something it refers to, other than its subject.
        """
        manifest = self.parse(body, content_type)
        digest = Digest.of(body)
        _check(reference, digest, body)
        await write_blob(self._store, digest, body)
        record = ManifestRecord(
            digest, len(body), manifest.media_type, manifest.subject, manifest.buildkit_cache, merge=merge
        )
        tags = (reference.name,) if isinstance(reference, Tag) else ()
        if lacking := await self._table.put(repository.name, record, manifest.references, tags):
            raise ManifestBlobsUnknown([manifest.digests.name(digest) for digest in lacking])
        if isinstance(reference, Sha512):
            await self._names.add(reference, digest)
        self._accepted(manifest.references.blobs)
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
            digest = self._digest(reference)
            removed = digest is not None and await self._table.remove(repository.name, digest)
        if not removed:
            raise self._unknown(repository, reference)

    def _digest(self, name: BlobName) -> Digest | None:
        return name if isinstance(name, Digest) else self._names.find(name)

    def _unknown(self, repository: Repository, reference: Reference) -> ManifestUnknown | RepositoryUnknown:
        if self._table.has_repository(repository.name):
            return ManifestUnknown(repository, reference)
        return RepositoryUnknown(repository)


def _check(reference: Reference, digest: Digest, body: bytes) -> None:
    """Compare a manifest with the digest that it is pushed by, if it is."""
    if isinstance(reference, Digest) and reference != digest:
        raise DigestMismatch(reference, digest)
    if isinstance(reference, Sha512) and reference != (actual := Sha512.of(body)):
        raise DigestInvalid(str(reference), f"expected {reference}, but the bytes have {actual}")
