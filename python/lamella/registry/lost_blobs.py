"""Which manifests have lost a blob, so that whoever is answered with them could not pull."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from lamella.registry.errors import ManifestUnknown
from lamella.registry.manifest import MAX_REFERENCES

if TYPE_CHECKING:
    from lamella.index import ManifestRecord, ManifestTable
    from lamella.model import Digest
    from lamella.registry.manifests import Manifests
    from lamella.registry.names import Repository

KEPT_MANIFESTS: Final = 1000
"""Of how many manifests it is remembered what they name: with ``KEPT_REFERENCES`` that is a few MB at the most."""

KEPT_REFERENCES: Final = 50
"""The most descriptors in a manifest that is remembered."""


class _Named(NamedTuple):
    """What a manifest names, which never changes."""

    blobs: tuple[Digest, ...]
    manifests: tuple[Digest, ...]


class LostBlobs:
    """Looks for what manifests name, of an index also for what its manifests do."""

    def __init__(self, manifests: Manifests, table: ManifestTable) -> None:
        self._manifests = manifests
        self._table = table
        self._kept: OrderedDict[Digest, _Named] = OrderedDict()

    async def find(self, repository: Repository, record: ManifestRecord) -> Digest | None:
        """Return a blob that a manifest names and the store does not have; None where it is whole.

        An index is whole without those of its manifests that were deleted. After ``MAX_REFERENCES`` descriptors what
        follows is taken to be whole.
        """
        waiting, looked = [record], 0
        while waiting and looked < MAX_REFERENCES:
            record = waiting.pop()
            try:
                named = await self._named(repository, record)
            except ManifestUnknown:
                return record.digest
            if (lost := self._table.lost(named.blobs)) is not None:
                return lost
            looked += len(named.blobs) + len(named.manifests)
            children = (self._table.get(repository.name, digest) for digest in named.manifests)
            waiting += [child for child in children if child is not None]
        return None

    async def _named(self, repository: Repository, record: ManifestRecord) -> _Named:
        if (kept := self._kept.get(record.digest)) is not None:
            self._kept.move_to_end(record.digest)
            return kept
        body = await self._manifests.read(repository, record)
        references = self._manifests.parse(body, record.media_type).references
        blobs = [blob.digest for blob in references.blobs if blob.digest not in references.unknown]
        named = _Named(tuple(blobs), tuple(child.digest for child in references.manifests))
        if len(named.blobs) + len(named.manifests) <= KEPT_REFERENCES:
            self._kept[record.digest] = named
            if len(self._kept) > KEPT_MANIFESTS:
                self._kept.popitem(last=False)
        return named
