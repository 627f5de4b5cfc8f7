"""Takes blobs out of a local store: the index first, so that a crash leaves a file too many, never one too few."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from lamella.errors import Leased, ReadOnly, StorageFull
from lamella.index import Place
from lamella.store.layout import Layout, locked_folder

if TYPE_CHECKING:
    from lamella.index import BlobRecord, Blobs, Index, Layers, Leases
    from lamella.index.table import Transaction
    from lamella.model import Digest

logger = logging.getLogger(__name__)


class Remover:
    """Every method blocks: call them in threads, never in the thread that writes the index."""

    def __init__(self, layout: Layout, index: Index, blobs: Blobs, layers: Layers, leases: Leases) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._layers = layers
        self._leases = leases

    def delete(self, digest: Digest) -> bool:
        """Remove a blob and return True, or return False where there is none.

        Raises:
            Leased: a lease covers it, as of the transaction that would have removed it.
        """
        path = self._layout.blob(digest)
        with locked_folder(path.parent, exclusive=True):
            record = self._index.submit(partial(self._delete, digest)).result()
            path.unlink(missing_ok=True)
        return record is not None

    def quarantine(self, digest: Digest, reason: str) -> None:
        """Take a damaged blob out of the store, leased or not, and keep its file for people to look at.

        Where the store accepts no writes it stays, to be found damaged again.
        """
        logger.error("blob %s is damaged: %s", digest, reason)
        path = self._layout.blob(digest)
        with locked_folder(path.parent, exclusive=True), suppress(ReadOnly, StorageFull, FileNotFoundError):
            self._index.submit(partial(self._forget, digest)).result()
            path.replace(self._layout.quarantine / path.name)

    def forget_lost(self, digest: Digest) -> None:
        """Drop the record of a blob whose file somebody else removed, if the store accepts writes."""
        path = self._layout.blob(digest)
        with locked_folder(path.parent, exclusive=True), suppress(ReadOnly, StorageFull):
            record = self._blobs.get(digest)
            if record is not None and record.place is Place.FILE and not path.exists():
                logger.error("blob %s is lost: its file %s is gone", digest, path)
                self._index.submit(partial(self._forget, digest)).result()

    def _delete(self, digest: Digest, txn: Transaction) -> BlobRecord | None:
        if self._leases.cover(txn, digest):
            raise Leased(digest)
        return self._forget(digest, txn)

    def _forget(self, digest: Digest, txn: Transaction) -> BlobRecord | None:
        self._layers.remove(txn, digest)
        return self._blobs.remove(txn, digest)
