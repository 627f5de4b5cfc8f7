"""All of a registry, put together over a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.index import CacheExports, HiddenBlobs, ManifestTable, Sha512Names, TagTable
from lamella.registry.blobs import RepositoryBlobs
from lamella.registry.listing import Listing
from lamella.registry.manifests import Manifests
from lamella.registry.merged_caches import MergedCaches
from lamella.registry.uploads import UploadSessions

if TYPE_CHECKING:
    from lamella.index import Blobs, Index
    from lamella.store.protocol import BlobStore
    from lamella.store.uploads import Uploads


class Registry:
    """The parts: ``manifests``, ``caches``, ``listing``, ``blobs`` and ``uploads``."""

    def __init__(self, index: Index, blobs: Blobs, store: BlobStore, uploads: Uploads) -> None:
        hidden = HiddenBlobs(index)
        tags = TagTable(index)
        exports = CacheExports(index)
        names = Sha512Names(index)
        table = ManifestTable(index, blobs, hidden, tags, exports)
        self.manifests = Manifests(table, store, names)
        self.listing = Listing(table, tags, self.manifests)
        self.blobs = RepositoryBlobs(store, hidden, names)
        self.caches = MergedCaches(self.manifests, self.blobs, table, exports, store)
        self.uploads = UploadSessions(uploads, store, self.blobs)
