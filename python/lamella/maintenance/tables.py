"""The tables of a store that say what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.index import Actions, CacheExports, HiddenBlobs, ManifestTable, Sha512Names, Steps, TagTable, Units, Uses
from lamella.model import Digest

if TYPE_CHECKING:
    from lamella.model import BlobName
    from lamella.store.local import LocalStore


class Tables:
    """Every table that names units or blobs, over one index."""

    def __init__(self, store: LocalStore) -> None:
        self.index = store.index
        self.blobs = store.blobs
        self.leases = store.leases
        self.uses = Uses(store.index, store.blobs.clock)
        self.steps = Steps(store.index, store.blobs)
        self.actions = Actions(store.index, store.blobs)
        self.tags = TagTable(store.index)
        self.exports = CacheExports(store.index)
        self.hidden = HiddenBlobs(store.index)
        self.manifests = ManifestTable(store.index, store.blobs, self.hidden, self.tags, self.exports)
        self.sha512_names = Sha512Names(store.index)
        self.units = Units(store.index, self.uses, self.manifests)

    def has_manifest(self, repository: str, name: BlobName) -> bool:
        """Tell whether a repository has a manifest, named as clients name it."""
        digest = name if isinstance(name, Digest) else self.sha512_names.find(name)
        return digest is not None and self.manifests.get(repository, digest) is not None
