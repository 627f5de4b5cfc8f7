"""What answers for a tag: the manifest that was pushed last, or for a BuildKit cache, the merge of what was pushed."""

from __future__ import annotations

import asyncio
import bisect
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lamella.errors import NotFound, ReadOnly, StorageFull
from lamella.index import Exports
from lamella.model import Digest
from lamella.registry.buildkit_cache_merge import merge
from lamella.registry.buildkit_cache_read import read_cache_config, read_cache_manifest
from lamella.registry.buildkit_cache_write import CacheArtifact, write_cache
from lamella.registry.errors import CacheInvalid, ManifestBlobsUnknown, ManifestUnknown
from lamella.registry.lost_blobs import LostBlobs
from lamella.registry.names import Tag
from lamella.store.small_blobs import read_blob, write_blob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella.index import CacheExports, ManifestRecord, ManifestTable
    from lamella.registry.blobs import RepositoryBlobs
    from lamella.registry.buildkit_cache import CacheConfig, CacheManifest
    from lamella.registry.manifests import Manifests
    from lamella.registry.names import Reference, Repository
    from lamella.store.protocol import BlobStore

logger = logging.getLogger(__name__)

MAX_SOURCES: Final = 4 << 20
"""The most bytes of manifests and configs that are merged at once; what is older is left out."""


@dataclass(frozen=True, slots=True)
class _Export:
    """A manifest that the repository has, with all that it names."""

    record: ManifestRecord
    body: bytes


@dataclass(frozen=True, slots=True)
class _Source:
    """A cache that can be merged, its config unread."""

    manifest: CacheManifest
    config: bytes


class MergedCaches:
    """A merge is a manifest of its repository like any other, made when a tag is first asked for after a push."""

    def __init__(
        self,
        manifests: Manifests,
        blobs: RepositoryBlobs,
        table: ManifestTable,
        exports: CacheExports,
        store: BlobStore,
    ) -> None:
        self._manifests = manifests
        self._blobs = blobs
        self._table = table
        self._exports = exports
        self._store = store
        self._lost_blobs = LostBlobs(manifests, table)
        self._merging = asyncio.Lock()

    async def resolve(self, repository: Repository, reference: Reference) -> ManifestRecord:
        """Return the manifest that answers for a reference; both count as used now.

        Raises:
            ManifestUnknown: there is none, or only such as have lost blobs.
            RepositoryUnknown: there is no manifest at all.
        """
        record = await self._resolve(repository, reference)
        self._table.note_use(repository.name, record.digest, reference.name if isinstance(reference, Tag) else "")
        return record

    async def _resolve(self, repository: Repository, reference: Reference) -> ManifestRecord:
        if isinstance(reference, Tag):
            known = await self._known(repository, reference)
            if isinstance(known, Exports):
                async with self._merging:
                    # Builds start together: what one request merged, those that waited find.
                    known = await self._known(repository, reference)
                    if isinstance(known, Exports):
                        return await self._answer(repository, reference, known)
            if known is not None:
                return known
        record = self._manifests.resolve(repository, reference)
        lost = await self._lost_blobs.find(repository, record)
        if lost is not None:
            raise ManifestUnknown(repository, reference, lost)
        return record

    async def _known(self, repository: Repository, tag: Tag) -> ManifestRecord | Exports | None:
        """Return what answers for a tag's exports, or if that is not known, the exports; None where there are none."""
        exports = self._exports.get(repository.name, tag.name)
        if exports is None or exports.merged is None:
            return exports
        merged = await self._whole(repository, exports.merged)
        return exports if merged is None else merged.record

    async def _answer(self, repository: Repository, tag: Tag, exports: Exports) -> ManifestRecord:
        newest, sources = await self._collect(repository, exports)
        if newest is None:
            raise ManifestUnknown(repository, tag)
        try:
            artifact = await asyncio.to_thread(_merge, sources)
            record = newest if artifact is None else await self._put(repository, artifact)
            await self._exports.set_merged(repository.name, tag.name, Exports(exports.kept, record.digest))
        except (ReadOnly, StorageFull, ManifestBlobsUnknown) as error:
            logger.warning("the caches of %s:%s are not merged: %s", repository, tag, error)
            return newest
        return record

    async def _collect(self, repository: Repository, exports: Exports) -> tuple[ManifestRecord | None, list[_Source]]:
        """Return the newest export that is whole, and what to merge: nothing where that one cannot be."""
        newest = None
        sources: list[_Source] = []
        room = MAX_SOURCES
        for digest in exports.kept:
            export = await self._whole(repository, digest)
            if export is None:
                continue
            newest = newest or export.record
            try:
                manifest = read_cache_manifest(export.body, export.record.media_type)
                room -= manifest.config.size + len(export.body)
                if sources and room < 0:
                    break
                sources.append(_Source(manifest, await read_blob(self._store, manifest.config.digest)))
            except (CacheInvalid, NotFound) as error:
                logger.warning("cache %s@%s is not merged: %s", repository, digest, error)
                if not sources:
                    break
        return newest, sources

    async def _whole(self, repository: Repository, digest: Digest) -> _Export | None:
        """Return a manifest, if the repository has it and all that it names."""
        record = self._table.get(repository.name, digest)
        if record is None:
            return None
        try:
            body = await self._manifests.read(repository, record)
        except ManifestUnknown:
            return None
        references = self._manifests.parse(body, record.media_type).references
        return None if self._table.lacking(repository.name, references) else _Export(record, body)

    async def _put(self, repository: Repository, artifact: CacheArtifact) -> ManifestRecord:
        config = Digest.of(artifact.config)
        await write_blob(self._store, config, artifact.config)
        await self._blobs.show(repository, config)
        return await self._manifests.put(
            repository, Digest.of(artifact.manifest), artifact.manifest, artifact.media_type, merge=True
        )


def _merge(sources: Sequence[_Source]) -> CacheArtifact | None:
    """Merge as many caches, newest first, as BuildKit can import together; None where that is one, or none."""
    caches: list[tuple[CacheManifest, CacheConfig]] = []
    for source in sources:
        try:
            caches.append((source.manifest, read_cache_config(source.config, source.manifest)))
        except CacheInvalid as error:
            logger.warning("a cache with the config %s is not merged: %s", source.manifest.config.digest, error)
            if not caches:
                return None

    def merged(count: int) -> CacheArtifact:
        manifests, configs = zip(*caches[:count], strict=True)
        descriptors = {blob: layer for manifest in reversed(manifests) for blob, layer in manifest.layers.items()}
        return write_cache(merge(configs), manifests[0].media_type, descriptors)

    count = len(caches)
    if count > 1 and not merged(count).importable:
        count = bisect.bisect_left(range(2, count), True, key=lambda count: not merged(count).importable) + 1
    return merged(count) if count > 1 else None
