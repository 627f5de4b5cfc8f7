"""Takes blobs out of a local store: the index first, so that a crash leaves a file too many, never one too few."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from lamella._core import hash_file
from lamella.errors import Corrupted, Leased, ReadOnly, StorageFull
from lamella.index import Place
from lamella.store.chunks import LostChunks
from lamella.store.layout import Layout, locked_folder
from lamella.store.recipes import Recipes

if TYPE_CHECKING:
    from lamella.index import BlobRecord, Blobs, Index, Leases
    from lamella.index.table import Transaction
    from lamella.model import Digest

logger = logging.getLogger(__name__)


class Remover:
    """Every method blocks: call them in threads, never in the thread that writes the index."""

    def __init__(self, layout: Layout, index: Index, blobs: Blobs, leases: Leases) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._leases = leases
        self._recipes = Recipes(layout)
        self.quarantined = 0

    def delete(self, digest: Digest) -> bool:
        """Remove a blob and return True, or return False where there is none.

        Raises:
            Leased: a lease covers it, or what is inflated from it, as of the transaction that would have removed it.
        """
        path = self._layout.blob(digest)
        with locked_folder(path.parent, exclusive=True):
            record = self._index.submit(partial(self._delete, digest)).result()
            path.unlink(missing_ok=True)
            if record is not None and record.place is Place.RECIPE:
                # Where somebody reads the blob the recipe stays, and keeps its chunks, until maintenance removes it.
                self._recipes.discard(digest)
        return record is not None

    def quarantine(self, digest: Digest, reason: str, seen: BlobRecord | None = None) -> bool:
        """Take a damaged blob out of the store, leased or not, and keep its file or recipe for people to look at.

        Where the store accepts no writes it stays, to be found damaged again, and False is returned; so it is where its
        bytes are no longer where they were ``seen`` damaged. Of a packed blob the pack keeps the bytes, until nothing
        else is read from it. With an inflated blob its source goes, and with a source what is inflated from it.
        """
        return self._set_aside(self._stored(digest), reason, seen)

    def suspect(self, digest: Digest, reason: str) -> bool:
        """Do what ``quarantine`` does, for who has read a blob and found it damaged; a file that is whole now stays.

        Reading takes its time: the file may have been set aside by others, and the blob have come again since.
        """
        return self._set_aside(self._stored(digest), reason, unless_whole=True)

    def condemn(self, record: BlobRecord, error: Exception) -> Corrupted:
        """Set a blob aside that cannot be read, and the chunks that it was found out by; return what to raise."""
        if isinstance(error, LostChunks):
            self.drop_chunks(error)
        # By now the blob may have other bytes, which nobody has found anything wrong with.
        if record.source is None:
            self._set_aside(record.digest, str(error), record, unless_whole=True)
        else:
            self._set_aside(record.source, str(error), unless_whole=True)
        return Corrupted(record.digest, str(error))

    def drop_chunks(self, error: LostChunks) -> None:
        """Let chunks that are lost or damaged be stored again when they come."""
        for chunk in error.chunks:
            if error.damaged:
                self._set_aside(chunk, "its frame, or its pack's place in the index, is damaged")
            else:
                self.forget_lost(chunk)

    def forget_lost(self, digest: Digest) -> None:
        """Drop the record of a blob whose file, recipe or pack somebody else removed, if the store accepts writes.

        Of an inflated blob that is its source's.
        """
        digest = self._stored(digest)
        path = self._layout.blob(digest)
        with locked_folder(path.parent, exclusive=True), suppress(ReadOnly, StorageFull):
            self._index.submit(partial(self._forget_if_lost, digest)).result()

    def _delete(self, digest: Digest, txn: Transaction) -> BlobRecord | None:
        inflated = self._blobs.inflated(txn, digest)
        for covered in (digest, *([] if inflated is None else [inflated.digest])):
            if self._leases.cover(txn, covered):
                raise Leased(covered)
        return self._forget(digest, txn)

    def _forget(self, digest: Digest, txn: Transaction, seen: BlobRecord | None = None) -> BlobRecord | None:
        found = None if seen is None else self._blobs.find(txn, digest)
        return self._blobs.remove(txn, digest) if seen is None or (found and found.is_where(seen)) else None

    def _forget_if_lost(self, digest: Digest, txn: Transaction) -> None:
        record = self._blobs.find(txn, digest)
        if record is not None and not self._layout.has(record):
            logger.error("blob %s is lost: %s is gone", digest, self._layout.holder(record))
            self._forget(digest, txn)

    def _set_aside(
        self, digest: Digest, reason: str, seen: BlobRecord | None = None, *, unless_whole: bool = False
    ) -> bool:
        logger.error("blob %s is damaged: %s", digest, reason)
        path = self._layout.blob(digest)
        with locked_folder(path.parent, exclusive=True), suppress(FileNotFoundError):
            # Read with the lock held: damage is rare, and nobody can put another file there meanwhile.
            if unless_whole and self._is_whole_file(digest):
                logger.warning("blob %s has come again since it was read: it stays", digest)
                return False
            try:
                record = self._index.submit(partial(self._forget, digest, seen=seen)).result()
            except (ReadOnly, StorageFull):
                return False
            if record is None and seen is not None:
                return False
            self.quarantined += 1
            if record is not None and record.place is Place.RECIPE:
                path = self._layout.recipe(digest)
                path.replace(self._layout.quarantine / f"{path.name}.recipe")
            else:
                path.replace(self._layout.quarantine / path.name)
        return True

    def _is_whole_file(self, digest: Digest) -> bool:
        """Tell whether a blob is in a file, and that has its bytes; the caller is alone with the folder."""
        try:
            record = self._blobs.current(digest)
            if record is None or record.place is not Place.FILE:
                return False
            return hash_file(self._layout.blob(digest)) == (digest.raw, record.size)
        except (OSError, ReadOnly, StorageFull):
            return False

    def _stored(self, digest: Digest) -> Digest:
        """Return the blob that a blob's bytes are stored as: itself, or what it is inflated from."""
        record = self._blobs.get(digest)
        return digest if record is None or record.source is None else record.source
