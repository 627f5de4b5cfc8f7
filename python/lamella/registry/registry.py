"""All of a registry, put together over a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.index import HiddenBlobs, ManifestTable, TagTable
from lamella.registry.blobs import RepositoryBlobs
from lamella.registry.listing import Listing
from lamella.registry.manifests import Manifests
from lamella.registry.uploads import UploadSessions

if TYPE_CHECKING:
    from lamella.index import Blobs, Index
    from lamella.store.protocol import BlobStore
    from lamella.store.uploads import Uploads


class Registry:
    """The parts: ``manifests``, ``listing``, ``blobs`` and ``uploads``."""

    def __init__(self, index: Index, blobs: Blobs, store: BlobStore, uploads: Uploads) -> None:
        hidden = HiddenBlobs(index)
        tags = TagTable(index)
        table = ManifestTable(index, blobs, hidden, tags)
        self.manifests = Manifests(table, store)
        self.listing = Listing(table, tags, self.manifests)
        self.blobs = RepositoryBlobs(store, hidden)
        self.uploads = UploadSessions(uploads, store, self.blobs)
