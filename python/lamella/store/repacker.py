"""Moves what is still in use out of packs that hold little of it, so that their files can go."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamella._core import RecipeError, read_pack_footer
from lamella.index import BlobRecord, PackTable, Place
from lamella.model import Digest
from lamella.store.chunks import Chunks
from lamella.store.packs import Packs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lamella._core import PackWriter
    from lamella.index import Blobs, Index
    from lamella.index.table import Transaction
    from lamella.store.layout import Layout
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
    bytes were copied from; a file goes once its pack has no record. So a crash leaves a file too many.
    """

    def __init__(self, layout: Layout, index: Index, blobs: Blobs) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._table = PackTable(index)
        self._packs = Packs(layout, index, blobs)
        self._chunks = Chunks(layout, blobs, self._packs)

    def repack(self, packs: Sequence[int], pause: Callable[[], None] = lambda: None) -> Repacked:
        """Copy what is in use of some packs into a new one, and remove their files.

        A pack that is damaged stays, for who checks the store. ``pause`` is called after each blob.

        Raises:
            StorageFull: there is no room for the new pack.
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
        if new is not None:
            self._move(new, moving)
        done = Repacked(freed=0 if new is None else -new.size)
        for pack in packs:
            done.add(self._remove_empty(pack))
        return done

    def _remove_empty(self, pack: int) -> Repacked:
        """Remove a pack, if no blob is read from it; readers that have it open go on."""
        size = self._index.submit(lambda txn: self._forget(txn, pack)).result()
        if size is None:
            return Repacked()
        self._packs.remove(pack)
        return Repacked(1, size)

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

    def _move(self, new: NewPack, moving: dict[Digest, BlobRecord]) -> None:
        def move(txn: Transaction) -> None:
            self._table.put(txn, new.pack, new.size)
            for blob in new.blobs:
                record = self._blobs.find(txn, blob.digest)
                if record is not None and record.location == moving[blob.digest].location:
                    share = blob.location.share(blob.size)
                    moved = BlobRecord(blob.digest, blob.size, Place.PACKED, record.used, share, blob.location)
                    self._blobs.move(txn, moved)

        try:
            self._index.submit(move).result()
        except BaseException:
            self._packs.discard(new)
            raise

    def _forget(self, txn: Transaction, pack: int) -> int | None:
        record = self._table.find(txn, pack)
        if record is None or record.blobs:
            return None
        self._table.remove(txn, pack)
        return record.size
