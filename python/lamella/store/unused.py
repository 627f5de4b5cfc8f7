"""Takes blobs out of a local store that nobody has used since some time: many at once, each looked at again."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from lamella.index import Place
from lamella.store.layout import Layout, locked_folder
from lamella.store.recipes import Recipes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella.index import BlobRecord, Blobs, Index, Leases
    from lamella.index.table import Transaction
    from lamella.model import Digest


@dataclass(slots=True)
class Removal:
    """``removed`` went, with what is inflated from them; ``spared`` stay: they are leased or were used meanwhile."""

    removed: list[BlobRecord] = field(default_factory=list)
    spared: list[BlobRecord] = field(default_factory=list)


class UnusedRemover:
    """Keeps the order of ``Remover``: the index first, then the files, within the folder's lock."""

    def __init__(self, layout: Layout, index: Index, blobs: Blobs, leases: Leases) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._leases = leases
        self._recipes = Recipes(layout)

    def remove(self, digests: Sequence[Digest], before: int) -> Removal:
        """Remove those blobs, all of one folder, that no lease covers and whose last use is earlier than ``before``.

        What is inflated from them goes with them, and keeps them where it is leased. Blocks: call it in a thread.
        """
        with locked_folder(self._layout.blob_folder(digests[0]), exclusive=True):
            removal = self._index.submit(partial(self._forget, digests, before)).result()
            for record in removal.removed:
                if record.place is Place.FILE:
                    self._layout.blob(record.digest).unlink(missing_ok=True)
                elif record.place is Place.RECIPE:
                    self._recipes.discard(record.digest)
        return removal

    def _forget(self, digests: Sequence[Digest], before: int, txn: Transaction) -> Removal:
        removal = Removal()
        for digest in digests:
            record = self._blobs.find(txn, digest)
            if record is None:
                continue
            inflated = self._blobs.inflated(txn, digest)
            covered = inflated is not None and self._leases.cover(txn, inflated.digest)
            if record.used >= before or covered or self._leases.cover(txn, digest):
                removal.spared.append(record)
                continue
            self._blobs.remove(txn, digest)
            removal.removed.append(record)
        return removal
