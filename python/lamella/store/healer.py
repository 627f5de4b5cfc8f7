"""Mends damaged blobs from whatever else a store has, and takes out those that it cannot mend."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from lamella._core import Recipe, RecipeError, Sha256, hash_file, read_pack_footer, sync_directory
from lamella.errors import NotFound
from lamella.index import BlobRecord, PackTable, Place
from lamella.model import Digest
from lamella.store.chunks import Chunks, LostChunks
from lamella.store.cold_writer import CannotTurnCold, ColdWriter
from lamella.store.copies import Copies
from lamella.store.layout import Layout, locked_folder
from lamella.store.packer import PACKED_MAX
from lamella.store.packs import NewPack, Packs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from lamella._core import PackWriter
    from lamella.index import Blobs, Index
    from lamella.index.table import Transaction
    from lamella.store.remover import Remover

logger = logging.getLogger(__name__)

PAGE: Final = 1000
"""Records read in one transaction."""


@dataclass(slots=True)
class Rescued:
    """What became of the blobs of a damaged pack that could not be read there; each with what was wrong."""

    healed: dict[BlobRecord, str] = field(default_factory=dict)
    lost: dict[BlobRecord, str] = field(default_factory=dict)


class Healer:
    """Every method blocks; servers may be running.

    Bytes are verified before a record is moved to where they are, in a transaction that checks that the record is
    still where it was. What is healed counts as used when it was used before.
    """

    def __init__(self, layout: Layout, index: Index, blobs: Blobs, remover: Remover) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._remover = remover
        self._packs = Packs(layout, index, blobs)
        self._table = PackTable(index)
        self._chunks = Chunks(layout, blobs, self._packs)
        self._copies = Copies(layout, blobs, self._chunks)
        self._cold = ColdWriter(layout, index, blobs)

    def heal(self, record: BlobRecord) -> bool:
        """Mend a blob in a file, in the index or in a recipe; False where there is no other copy, or it has moved.

        Raises:
            StorageFull: there is no room.
            ReadOnly: the store accepts no writes.
        """
        if record.size <= PACKED_MAX:
            for _, data in self._copies.find([record.digest]):
                return self._pack_small(record, data)
        return self._back_to_file(record) or self._back_to_recipe(record)

    def rescue(self, pack: int, pause: Callable[[int], None] = lambda _: None) -> Rescued:
        """Write what is still needed of a damaged pack into a new one, and set the pack and what is lost aside.

        ``pause`` is called with the bytes that were just read. It may raise to stop: then the pack stays.

        Raises:
            StorageFull: there is no room for the new pack; the damaged one stays.
            ReadOnly: the store accepts no writes; the pack stays.
        """
        self._index.health.check()
        moving: dict[Digest, BlobRecord] = {}
        bad: dict[Digest, tuple[BlobRecord, str]] = {}
        writer = self._packs.writer()
        try:
            for record in self._records_in(pack):
                try:
                    data = self._chunks.read(record)
                except (OSError, RecipeError) as error:
                    bad[record.digest] = record, str(error)
                else:
                    self._packs.add(writer, record.digest, data)
                    moving[record.digest] = record
                pause(record.size)
            rescued = Rescued()
            for digest, data in self._copies.find(bad) if bad else ():
                self._packs.add(writer, digest, data)
                record, problem = bad.pop(digest)
                moving[digest] = record
                rescued.healed[record] = problem
            self._keep(writer, moving.values())
        finally:
            writer.close()
        for record, problem in bad.values():
            inflated = self._blobs.inflated_from(record.digest)
            if self._remover.quarantine(record.digest, problem, record):
                rescued.lost[record] = problem
                if inflated is not None:
                    rescued.lost[inflated] = f"{record.digest}, which it is inflated from, is lost"
        self._set_aside(pack)
        return rescued

    def rest(self) -> None:
        """Give back the memory that is kept between the blobs and packs that are healed one after another."""
        self._copies.forget()

    def _pack_small(self, record: BlobRecord, data: bytes) -> bool:
        writer = self._packs.writer()
        try:
            self._packs.add(writer, record.digest, data)
            # Alone with the folder until the damaged file has gone: nobody may publish a whole one meanwhile.
            with locked_folder(self._layout.blob_folder(record.digest), exclusive=True):
                healed = self._keep(writer, [BlobRecord(record.digest, len(data), record.place, 0, 0)])
                if healed:
                    self._quarantine_file(record)
        finally:
            writer.close()
        return bool(healed)

    def _keep(self, writer: PackWriter, records: Iterable[BlobRecord]) -> int:
        """Publish a pack and let those records point into it that are where they were; return how many these are."""
        before = {record.digest: record for record in records}
        if not before:
            return 0
        new = self._packs.publish(writer, self._packs.finish(writer))
        moved = 0
        try:
            moved = self._index.submit(partial(self._move, new, before)).result()
        finally:
            if not moved:
                self._packs.discard(new)
        return moved

    def _move(self, new: NewPack, before: dict[Digest, BlobRecord], txn: Transaction) -> int:
        self._table.put(txn, new.pack, new.size)
        moved = 0
        for blob in new.blobs:
            found, was = self._blobs.find(txn, blob.digest), before[blob.digest]
            if found is not None and found.is_where(was):
                share = blob.location.share(blob.size)
                record = BlobRecord(blob.digest, blob.size, Place.PACKED, found.used, share, blob.location)
                self._blobs.move(txn, record)
                moved += 1
        if not moved:
            self._table.remove(txn, new.pack)
        return moved

    def _back_to_file(self, record: BlobRecord) -> bool:
        """Let a blob be read from a whole copy that a crash has left, if there is one."""
        path = self._layout.blob(record.digest)
        try:
            raw, size = hash_file(path)
        except OSError:
            return False
        if raw != record.digest.raw:
            return False
        with locked_folder(path.parent, exclusive=True):
            if not path.exists():
                return False
            self._sync(path.parent)
            moved = self._index.submit(partial(self._move_to_file, record, size)).result()
            if moved and record.place is Place.RECIPE:
                self._quarantine_file(record)
        return moved

    def _sync(self, folder: Path) -> None:
        """Make the names in a folder durable, which those that a crash has left need not be yet."""
        try:
            sync_directory(folder)
        except OSError as error:
            self._index.health.folder_sync_failed(folder, error)

    def _move_to_file(self, record: BlobRecord, size: int, txn: Transaction) -> bool:
        found = self._blobs.find(txn, record.digest)
        if found is None or not found.is_where(record):
            return False
        self._blobs.move(txn, BlobRecord(record.digest, size, Place.FILE, found.used, size))
        return True

    def _back_to_recipe(self, record: BlobRecord) -> bool:
        """Turn a hot blob cold again whose recipe is still there, if that gives its bytes."""
        if record.place is not Place.FILE:
            return False
        try:
            data = self._layout.recipe(record.digest).read_bytes()
            recipe, sha256 = Recipe(data), Sha256()
            for buffer in self._chunks.rebuild(recipe):
                sha256.update(buffer)
            if not sha256.digest() == recipe.digest == record.digest.raw:
                return False
            self._cold.commit(recipe, data)
        except (OSError, RecipeError, LostChunks, CannotTurnCold, NotFound):
            return False
        return True

    def _records_in(self, pack: int) -> list[BlobRecord]:
        """Return the blobs that are read from a pack, in its order."""
        found: list[BlobRecord] = []
        with self._index.read() as txn:
            known = self._table.find(txn, pack)
        with suppress(OSError, RecipeError):
            entries = read_pack_footer(self._layout.pack(pack))
            found = _of_pack(pack, self._blobs.get_many(Digest(raw) for raw, *_ in entries).values())
        if known is None or len(found) != known.blobs:
            found, after = [], None
            while page := self._blobs.page(after, PAGE):
                found += _of_pack(pack, page)
                after = page[-1].digest
        return sorted(found, key=_offsets)

    def _set_aside(self, pack: int) -> None:
        """Move the file of a pack to the quarantine, and forget the pack, if no blob is read from it."""
        if self._index.submit(partial(self._forget, pack)).result():
            path = self._layout.pack(pack)
            with suppress(FileNotFoundError):
                path.replace(self._layout.quarantine / f"{path.name}-{time.time_ns()}")

    def _forget(self, pack: int, txn: Transaction) -> bool:
        found = self._table.find(txn, pack)
        if found is not None and found.blobs:
            logger.error("pack %016x is damaged, and stays, since %d blobs are read from it", pack, found.blobs)
            return False
        self._table.remove(txn, pack)
        return True

    def _quarantine_file(self, record: BlobRecord) -> None:
        """Set the damaged file of a healed blob aside; the caller is alone with its folder."""
        path = self._layout.holder(record)
        if path is not None:
            with suppress(FileNotFoundError):
                path.replace(self._layout.quarantine / f"{path.name}-{time.time_ns()}")


def _of_pack(pack: int, records: Iterable[BlobRecord]) -> list[BlobRecord]:
    return [record for record in records if record.location is not None and record.location.pack == pack]


def _offsets(record: BlobRecord) -> tuple[int, int]:
    at = record.location
    return (0, 0) if at is None else (at.frame_offset, at.offset)
