"""Moves what is still in use out of packs that hold little of it, so that their files can go."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamella._core import RecipeError, read_pack_footer
from lamella.index import BlobRecord, PackTable, Place
from lamella.model import Digest
from lamella.store.chunks import Chunks
from lamella.store.packs import Packs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from lamella._core import PackWriter
    from lamella.index import Blobs, Index, PackRecord
    from lamella.index.table import Transaction
    from lamella.store.layout import Layout
    from lamella.store.limit import SizeLimit
    from lamella.store.packs import NewPack

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Repacked:
    """``packs`` counts those whose files went; ``freed`` is their bytes, less those of the packs written instead."""

    packs: int = 0
    freed: int = 0

    def add(self, other: Repacked) -> None:
        """Add up."""
        self.packs += other.packs
        self.freed += other.freed


class Repacker:
    """Every method blocks: call them in threads, one at a time, over all processes.

    Order: the new pack is durable before a record points into it; a record moves only if it still points to where its
    bytes were copied from; a file goes once its pack has no record. So a crash leaves a file too many. One transaction
    takes the new pack in and the old ones out: whoever waits for room never finds both. Where it takes more than goes,
    that must be free below ``limit``.
    """

    def __init__(self, layout: Layout, index: Index, blobs: Blobs, limit: SizeLimit | None = None) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._limit = limit
        self._table = PackTable(index)
        self._packs = Packs(layout, index, blobs)
        self._chunks = Chunks(layout, blobs, self._packs)

    def repack(self, packs: Sequence[int], pause: Callable[[], None] = lambda: None) -> Repacked:
        """Copy what is in use of some packs into a new one, and remove their files.

        A pack that is damaged stays, for who checks the store. ``pause`` is called after each blob.

        Raises:
            StorageFull: there is no room for the new pack.
            NoSpareRoom: there is none below the limit.
            ReadOnly: it could not be made durable.
        """
        moving: dict[Digest, BlobRecord] = {}
        writer: PackWriter | None = None
        try:
            for pack in packs:
                for record in self._used(pack):
                    data = self._read(record)
                    if data is None:
                        continue
                    writer = writer or self._packs.writer()
                    self._packs.add(writer, record.digest, data)
                    moving[record.digest] = record
                    pause()
            new = None if writer is None else self._packs.publish(writer, self._packs.finish(writer))
        finally:
            if writer is not None:
                writer.close()
        gone = self._exchange(packs, new, moving)
        for old in gone:
            self._packs.remove(old.pack)  # Readers that have it open go on.
        return Repacked(len(gone), sum(old.size for old in gone) - (0 if new is None else new.size))

    def _used(self, pack: int) -> Iterator[BlobRecord]:
        """Yield the blobs that are read from a pack, in its order."""
        try:
            entries = read_pack_footer(self._layout.pack(pack))
        except (RecipeError, FileNotFoundError):
            logger.exception("pack %016x is damaged, and stays as it is", pack)
            return
        for raw, *_ in entries:
            record = self._blobs.get(Digest(raw))
            if record is not None and record.location is not None and record.location.pack == pack:
                yield record

    def _read(self, record: BlobRecord) -> bytes | None:
        try:
            return self._chunks.read(record)
        except (RecipeError, FileNotFoundError) as error:
            logger.error("blob %s cannot be moved out of its pack: %s", record.digest, error)  # noqa: TRY400
            return None

    def _exchange(
        self, packs: Sequence[int], new: NewPack | None, moving: dict[Digest, BlobRecord]
    ) -> list[PackRecord]:
        """Let blobs be read from the new pack, and forget those of the old ones that are empty then; return these."""

        def exchange(txn: Transaction) -> list[PackRecord]:
            if new is not None:
                self._move(txn, new, moving)
            empty = [record for pack in packs if (record := self._table.find(txn, pack)) and not record.blobs]
            for record in empty:
                self._table.remove(txn, record.pack)
            return empty

        try:
            with nullcontext() if new is None else self._room(packs, new, moving):
                return self._index.submit(exchange).result()
        except BaseException:
            if new is not None:
                self._packs.discard(new)
            raise

    def _room(
        self, packs: Sequence[int], new: NewPack, moving: dict[Digest, BlobRecord]
    ) -> AbstractContextManager[None]:
        """Keep room free for what a pack takes beyond those that will be empty; nothing for less, whoever waits."""
        moved = Counter(record.location.pack for record in moving.values() if record.location is not None)
        with self._index.read() as txn:
            records = [record for pack in packs if (record := self._table.find(txn, pack))]
        more = new.size - sum(record.size for record in records if record.blobs <= moved[record.pack])
        return nullcontext() if self._limit is None or more <= 0 else self._limit.spare(more)

    def _move(self, txn: Transaction, new: NewPack, moving: dict[Digest, BlobRecord]) -> None:
        self._table.put(txn, new.pack, new.size)
        for blob in new.blobs:
            record = self._blobs.find(txn, blob.digest)
            if record is not None and record.location == moving[blob.digest].location:
                share = blob.location.share(blob.size)
                moved = BlobRecord(blob.digest, blob.size, Place.PACKED, record.used, share, blob.location)
                self._blobs.move(txn, moved)
