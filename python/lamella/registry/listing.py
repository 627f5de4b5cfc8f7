"""Listing repositories, tags and referrers, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from lamella.registry.errors import ManifestUnknown, RepositoryUnknown

if TYPE_CHECKING:
    from lamella.index import ManifestRecord, ManifestTable, TagTable
    from lamella.model import BlobName, Digest
    from lamella.registry.manifests import Manifests
    from lamella.registry.names import Repository

T = TypeVar("T")

MAX_PAGE: Final = 1000
"""The most names in one page, whatever the client asks for."""

MAX_REFERRERS: Final = 100
"""The most referrers in one page: each has to be read for its annotations."""

MAX_REFERRERS_SIZE: Final = 4 << 20
"""The most bytes of manifests read for one page of referrers, unless a single one is larger."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list's items; ``last`` is what the next page begins after, None where there is no further one."""

    items: list[T]
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest with a subject, as a list of referrers describes it."""

    record: ManifestRecord
    artifact_type: str
    annotations: dict[str, str]


class Listing:
    """Lists in the order of bytes, which is that of digests and of Go's ``sort.Strings``."""

    def __init__(self, table: ManifestTable, tags: TagTable, manifests: Manifests) -> None:
        self._table = table
        self._tags = tags
        self._manifests = manifests

    def repositories(self, after: str = "", limit: int | None = None) -> Page[str]:
        """List repositories that have a manifest."""
        most = _limit(limit)
        return _page(self._table.repositories(after, most + 1), most)

    def tags(self, repository: Repository, after: str = "", limit: int | None = None) -> Page[str]:
        """List a repository's tags.

        Raises:
            RepositoryUnknown: it has no manifest.
        """
        if not self._table.has_repository(repository.name):
            raise RepositoryUnknown(repository)
        most = _limit(limit)
        return _page(self._tags.page(repository.name, after, most + 1), most)

    async def referrers(
        self, repository: Repository, subject: BlobName, artifact_type: str = "", after: Digest | None = None
    ) -> Page[Referrer]:
        """List the manifests whose subject is ``subject``, those of one artifact type only where it is not empty.

        A page may hold fewer items than were looked at, even none.
        """
        records = self._table.referrers(repository.name, subject, after, MAX_REFERRERS + 1)
        items: list[Referrer] = []
        size = 0
        for position, record in enumerate(records):
            if position == MAX_REFERRERS or (position and size + record.size > MAX_REFERRERS_SIZE):
                return Page(items, str(records[position - 1].digest))
            size += record.size
            referrer = await self._describe(repository, record)
            if referrer is not None and artifact_type in ("", referrer.artifact_type):
                items.append(referrer)
        return Page(items)

    async def _describe(self, repository: Repository, record: ManifestRecord) -> Referrer | None:
        try:
            body = await self._manifests.read(repository, record)
        except ManifestUnknown:
            return None
        manifest = self._manifests.parse(body, record.media_type)
        return Referrer(record, manifest.artifact_type, dict(manifest.annotations))


def _limit(requested: int | None) -> int:
    return MAX_PAGE if requested is None else min(requested, MAX_PAGE)


def _page(found: list[str], most: int) -> Page[str]:
    items = found[:most]
    return Page(items, items[-1] if items and len(found) > most else None)
