"""Manifests of an OCI registry: which repository has which, and what is asked about them without reading them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from lamella.errors import SizeMismatch
from lamella.index.keys import scoped_key, tag_key
from lamella.index.uses import UnitKind, Uses
from lamella.model import EMPTY, Digest, Sha512

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from lamella.index.blobs import Blobs
    from lamella.index.cache_exports import CacheExports
    from lamella.index.environment import Index
    from lamella.index.hidden_blobs import HiddenBlobs
    from lamella.index.table import Transaction
    from lamella.index.tags import TagTable
    from lamella.model import BlobName, Descriptor

VALUE_VERSION: Final = 1


class _Value(msgspec.Struct, array_like=True):
    version: int
    size: int
    media_type: str
    subject: bytes
    buildkit_cache: bool
    pushed: int
    merge: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


@dataclass(frozen=True, slots=True)
class ManifestRecord:
    """A manifest in a repository.

    ``size`` is in bytes, ``pushed`` in seconds since the epoch. ``subject`` is the manifest it refers to, if any.
    ``buildkit_cache`` tells whether it holds a cache that BuildKit exported, ``merge`` whether nobody pushed it: it was
    merged of others.
    """

    digest: Digest
    size: int
    media_type: str
    subject: BlobName | None = None
    buildkit_cache: bool = False
    pushed: int = 0
    merge: bool = False


@dataclass(frozen=True, slots=True)
class References:
    """What a manifest needs: blobs of the store, and other manifests of its repository.

    Of these digests the ``unknown`` ones only stand for another name, which nothing was stored with: they are lacking.
    """

    blobs: Collection[Descriptor] = ()
    manifests: Collection[Descriptor] = ()
    unknown: Collection[Digest] = ()


class ManifestTable:
    """A manifest whose bytes are no longer in the store is as good as gone."""

    def __init__(
        self,
        index: Index,
        blobs: Blobs,
        hidden: HiddenBlobs,
        tags: TagTable,
        exports: CacheExports,
    ) -> None:
        self._index = index
        self._blobs = blobs
        self._hidden = hidden
        self._tags = tags
        self._exports = exports
        self._uses = Uses(index, blobs.clock)
        self._manifests = index.table("manifests")
        self._referrers = index.table("referrers")

    def get(self, repository: str, digest: Digest) -> ManifestRecord | None:
        """Return a manifest by its digest, or None."""
        with self._index.read() as txn:
            return self._find(txn, repository, digest)

    def get_tagged(self, repository: str, tag: str) -> ManifestRecord | None:
        """Return the manifest that a tag names, or None."""
        with self._index.read() as txn:
            digest = self._tags.find(txn, repository, tag)
            return None if digest is None else self._find(txn, repository, digest)

    def has_repository(self, repository: str) -> bool:
        """Tell whether a repository has a manifest."""
        with self._index.read() as txn:
            return next(self._manifests.scan(txn, prefix=repository.encode() + b"\0"), None) is not None

    def repositories(self, after: str, limit: int) -> list[str]:
        """Return up to ``limit`` repositories that have manifests and follow ``after``, in the order of bytes."""
        found: list[str] = []
        with self._index.read() as txn:
            # The names' own bytes are greater than the 1 that follows all keys of a repository.
            start = f"{after}\1".encode() if after else b""
            while len(found) < limit and (row := next(self._manifests.scan(txn, start), None)) is not None:
                found.append(row[0].partition(b"\0")[0].decode())
                start = f"{found[-1]}\1".encode()
        return found

    def referrers(self, repository: str, subject: BlobName, after: Digest | None, limit: int) -> list[ManifestRecord]:
        """Return up to ``limit`` manifests with this subject that follow ``after``, in the order of digests."""
        prefix = _referred(repository, subject)
        start = prefix if after is None else prefix + after.raw + b"\0"
        found: list[ManifestRecord] = []
        with self._index.read() as txn:
            for key, _ in self._referrers.scan(txn, start, prefix):
                record = self._find(txn, repository, Digest(key[len(prefix) :]))
                if record is not None:
                    found.append(record)
                    if len(found) == limit:
                        break
        return found

    async def put(
        self, repository: str, record: ManifestRecord, references: References, tags: Collection[str] = ()
    ) -> Collection[Digest]:
        """Record a manifest whose bytes are in the store, and let tags name it; all that it refers to is used now.

        Returns:
            What it refers to and the repository lacks, itself included; then nothing was changed.

        Raises:
            SizeMismatch: something it refers to has another size; nothing was changed.
        """

        def put(txn: Transaction) -> list[Digest]:
            lacking = self._lacking(txn, repository, references)
            if self._blobs.find(txn, record.digest) is None:
                lacking.append(record.digest)
            if not lacking:
                self._use(txn, repository, record, references)
                self._put(txn, repository, record)
                for tag in tags:
                    self._tag(txn, repository, tag, record)
            return lacking

        return await self._index.write(put)

    def note_use(self, repository: str, digest: Digest, tag: str = "") -> None:
        """Count a manifest, and a tag that it was asked for by, as used now; see ``Uses.note``."""
        self._uses.note(UnitKind.MANIFEST, scoped_key(repository, digest))
        if tag:
            self._uses.note(UnitKind.TAG, tag_key(repository, tag))

    async def remove(self, repository: str, digest: Digest) -> bool:
        """Forget a manifest and the tags that name it; False where there is none."""
        return await self._index.write(lambda txn: self.forget(txn, repository, digest))

    async def remove_tag(self, repository: str, tag: str) -> bool:
        """Forget a tag, but not its manifest; False where there is none."""
        return await self._index.write(lambda txn: self.untag(txn, repository, tag))

    def forget(self, txn: Transaction, repository: str, digest: Digest) -> bool:
        """Forget a manifest and the tags that name it; False where there is none."""
        key = scoped_key(repository, digest)
        value = self._manifests.get(txn, key)
        if value is None:
            return False
        if (subject := _subject(_decode(value))) is not None:
            self._referrers.delete(txn, _referred(repository, subject) + digest.raw)
        # To its clients, a merge is the manifest of the tags that it answers for.
        merged = self._exports.discard(txn, repository, digest)
        for tag in (*self._tags.names(txn, repository, digest), *merged):
            self.untag(txn, repository, tag)
        self._uses.remove(txn, UnitKind.MANIFEST, key)
        return self._manifests.delete(txn, key)

    def untag(self, txn: Transaction, repository: str, tag: str) -> bool:
        """Forget a tag, but not its manifest; False where there is none."""
        self._exports.remove(txn, repository, tag)
        self._uses.remove(txn, UnitKind.TAG, tag_key(repository, tag))
        return self._tags.remove(txn, repository, tag)

    def lacking(self, repository: str, references: References) -> list[Digest]:
        """Return what a manifest refers to and the repository lacks.

        Raises:
            SizeMismatch: something it refers to has another size.
        """
        with self._index.read() as txn:
            return self._lacking(txn, repository, references)

    def lost(self, blobs: Iterable[Digest]) -> Digest | None:
        """Return a blob that the store does not have, whatever a repository sees of it; None if it has all."""
        with self._index.read() as txn:
            return next((one for one in blobs if not self._blobs.has(txn, one) and one != EMPTY), None)

    def _tag(self, txn: Transaction, repository: str, tag: str, record: ManifestRecord) -> None:
        self._tags.put(txn, repository, tag, record.digest)
        self._uses.use(txn, UnitKind.TAG, tag_key(repository, tag))
        if record.buildkit_cache:
            self._exports.add(txn, repository, tag, record.digest)
        else:
            self._exports.remove(txn, repository, tag)

    def _lacking(self, txn: Transaction, repository: str, references: References) -> list[Digest]:
        def lack(named: Collection[Descriptor], has: Callable[[Transaction, str, Descriptor], bool]) -> list[Digest]:
            unknown = references.unknown
            return [one.digest for one in named if one.digest in unknown or not has(txn, repository, one)]

        return lack(references.blobs, self._has_blob) + lack(references.manifests, self._has)

    def _find(self, txn: Transaction, repository: str, digest: Digest) -> ManifestRecord | None:
        value = self._manifests.get(txn, scoped_key(repository, digest))
        if value is None or self._blobs.find(txn, digest) is None:
            return None
        fields = _decode(value)
        subject = _subject(fields)
        return ManifestRecord(
            digest, fields.size, fields.media_type, subject, fields.buildkit_cache, fields.pushed, fields.merge
        )

    def _use(self, txn: Transaction, repository: str, record: ManifestRecord, references: References) -> None:
        for digest in (record.digest, *(blob.digest for blob in references.blobs)):
            self._blobs.use(txn, digest)
        for digest in (record.digest, *(child.digest for child in references.manifests)):
            self._uses.use(txn, UnitKind.MANIFEST, scoped_key(repository, digest))

    def _put(self, txn: Transaction, repository: str, record: ManifestRecord) -> None:
        key = scoped_key(repository, record.digest)
        subject = b"" if record.subject is None else record.subject.raw
        pushed, earlier = int(self._blobs.clock()), self._manifests.get(txn, key)
        # What somebody pushed stays theirs, even if a merge gives the same bytes.
        merge = record.merge and (earlier is None or _decode(earlier).merge)
        value = _Value(VALUE_VERSION, record.size, record.media_type, subject, record.buildkit_cache, pushed, merge)
        self._manifests.put(txn, key, _encode(value))
        if record.subject is not None:
            self._referrers.put(txn, _referred(repository, record.subject) + record.digest.raw, b"")

    def _has_blob(self, txn: Transaction, repository: str, wanted: Descriptor) -> bool:
        if self._hidden.find(txn, repository, wanted.digest):
            return False
        if wanted.digest == EMPTY:
            size = 0
        elif (found := self._blobs.find(txn, wanted.digest)) is not None:
            size = found.size
        else:
            return False
        return _same_size(wanted, size)

    def _has(self, txn: Transaction, repository: str, wanted: Descriptor) -> bool:
        found = self._find(txn, repository, wanted.digest)
        return found is not None and _same_size(wanted, found.size)


def _subject(fields: _Value) -> BlobName | None:
    if not fields.subject:
        return None
    return Sha512(fields.subject) if len(fields.subject) == Sha512.SIZE else Digest(fields.subject)


def _referred(repository: str, subject: BlobName) -> bytes:
    """Return what the rows of a subject's referrers begin with; it is equally long for each, so that none has two."""
    return scoped_key(repository, subject if isinstance(subject, Digest) else subject.stand_in)


def _same_size(wanted: Descriptor, size: int) -> bool:
    if wanted.size != size:
        raise SizeMismatch(wanted.digest, wanted.size, size)
    return True
