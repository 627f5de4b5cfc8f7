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
    from collections.abc import Callable, Collection

    from lamella.index import Blobs, Index
    from lamella.model import Descriptor
    from lamella.store.protocol import BlobStore
    from lamella.store.uploads import Uploads


class Registry:
    """The parts: ``manifests``, ``caches``, ``listing``, ``blobs`` and ``uploads``.

    ``accepted`` is told which blobs a manifest names that was just stored.
    """

    def __init__(
        self,
        index: Index,
        blobs: Blobs,
        store: BlobStore,
        uploads: Uploads,
        *,
        accepted: Callable[[Collection[Descriptor]], None] = lambda _: None,
    ) -> None:
        hidden = HiddenBlobs(index)
        tags = TagTable(index)
        exports = CacheExports(index)
        names = Sha512Names(index)
        table = ManifestTable(index, blobs, hidden, tags, exports)
        self.manifests = Manifests(table, store, names, accepted)
        self.listing = Listing(table, tags, self.manifests)
        self.blobs = RepositoryBlobs(store, hidden, names)
        self.caches = MergedCaches(self.manifests, self.blobs, table, exports, store)
        self.uploads = UploadSessions(uploads, store, self.blobs)
