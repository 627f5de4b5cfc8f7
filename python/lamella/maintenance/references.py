"""What each unit needs, as long as it is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from lamella.errors import Corrupted, Invalid, LimitExceeded, NotFound
from lamella.index import UnitKind
from lamella.index.keys import scoped_key
from lamella.registry.manifest import read_manifest
from lamella.store.small_blobs import read_blob

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lamella.index import ManifestRecord, UnitRow
    from lamella.maintenance.tables import Tables
    from lamella.model import BlobName, Digest
    from lamella.store.protocol import BlobStore

ReadAction: TypeAlias = Callable[["BlobStore", bytes], Awaitable[set["Digest"]]]
"""Returns the blobs that an encoded action result needs; raises as ``Broken`` says where it cannot be told."""

_PAGE: Final = 100
"""Referrers looked up in one transaction."""


class Broken(Exception):
    """A unit has lost what it needs, so that it is never answered with; the message says what.

    ``lost`` are the blobs that are known to be missing.
    """

    def __init__(self, reason: str, lost: Iterable[Digest] = ()) -> None:
        super().__init__(reason)
        self.lost = frozenset(lost)


@dataclass(slots=True)
class Needs:
    """Blobs, and rows of ``manifests``; ``absent`` are manifests that are named and not in the store."""

    blobs: set[Digest] = field(default_factory=set)
    manifests: set[bytes] = field(default_factory=set)
    absent: set[Digest] = field(default_factory=set)


class References:
    """``store`` should not count what is read as used."""

    def __init__(self, store: BlobStore, tables: Tables, read_action: ReadAction) -> None:
        self._store = store
        self._tables = tables
        self._read_action = read_action

    async def of(self, unit: UnitRow) -> Needs:
        """Return all that a unit needs; manifests and blobs that are not there are left out.

        Raises:
            Broken: the unit is there no more, or is as good as gone.
        """
        if unit.kind is UnitKind.STEP:
            return self._of_step(unit)
        if unit.kind is UnitKind.ACTION:
            return await self._of_action(unit)
        if unit.kind is UnitKind.TAG:
            return await self._of_tag(unit)
        return await self._of_manifests(unit.space, [unit.digest])

    def _of_step(self, unit: UnitRow) -> Needs:
        record = self._tables.steps.get(unit.space, unit.digest)
        if record is None:
            lost = self._tables.steps.layer(unit.space, unit.digest)
            raise Broken("its layer is not in the store", [] if lost is None else [lost])
        layer = record.result.layer
        return Needs() if layer is None else Needs({layer.descriptor.digest})

    async def _of_action(self, unit: UnitRow) -> Needs:
        encoded = self._tables.actions.get(unit.space, unit.digest)
        if encoded is None:
            raise Broken("it is gone")
        try:
            blobs = await self._read_action(self._store, encoded)
        except (NotFound, Corrupted) as error:
            raise Broken(str(error), [error.digest]) from None
        except (Invalid, LimitExceeded) as error:
            raise Broken(str(error)) from None
        if missing := await self._store.missing(blobs):
            raise Broken(f"blob {min(missing)} is not in the store", missing)
        return Needs(blobs)

    async def _of_tag(self, unit: UnitRow) -> Needs:
        with self._tables.index.read() as txn:
            digest = self._tables.tags.find(txn, unit.space, unit.name)
        exports = self._tables.exports.kept(unit.space, unit.name)
        roots = [] if digest is None else [digest]
        if exports is not None:
            roots += exports.kept
            roots += [] if exports.merged is None else [exports.merged]
        return await self._of_manifests(unit.space, roots)

    async def _of_manifests(self, repository: str, roots: list[Digest]) -> Needs:
        """Return what manifests need, with their children and referrers, and those of these."""
        needs = Needs()
        waiting = list(roots)
        while waiting:
            digest = waiting.pop()
            record = self._tables.manifests.get(repository, digest)
            if record is None:
                needs.absent.add(digest)
                continue
            if (row := scoped_key(repository, digest)) in needs.manifests:
                continue
            needs.manifests.add(row)
            needs.blobs.add(digest)
            waiting += await self._named_by(record, needs)
            waiting += self._referrers(repository, digest)
        if not needs.manifests:
            raise Broken("its manifest is not in the store", needs.absent)
        return needs

    async def _named_by(self, record: ManifestRecord, needs: Needs) -> list[Digest]:
        """Add the blobs that a manifest names, and return its children."""
        try:
            body = await read_blob(self._store, record.digest)
        except (NotFound, Corrupted):
            return []
        references = read_manifest(body, record.media_type, self._tables.sha512_names.find).references
        needs.blobs.update(blob.digest for blob in references.blobs)
        return [child.digest for child in references.manifests]

    def _referrers(self, repository: str, subject: Digest) -> list[Digest]:
        """Return the manifests that name a subject, by its digest or by its SHA-512."""
        name = self._tables.sha512_names.of(subject)
        return self._naming(repository, subject) + ([] if name is None else self._naming(repository, name))

    def _naming(self, repository: str, subject: BlobName) -> list[Digest]:
        found: list[Digest] = []
        while page := self._tables.manifests.referrers(repository, subject, found[-1] if found else None, _PAGE):
            found += [record.digest for record in page]
        return found
