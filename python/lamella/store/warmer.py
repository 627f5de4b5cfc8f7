"""Makes cold blobs hot again: from a recipe and chunks back into a file of their own."""

from __future__ import annotations

import os
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

from lamella._core import BlobFile, RecipeError
from lamella.errors import StorageFull
from lamella.index import BlobRecord, Place
from lamella.store.chunks import Chunks, LostChunks
from lamella.store.compactor import LEAST_SIZE
from lamella.store.layout import Layout, locked_folder
from lamella.store.limit import HIGH
from lamella.store.recipes import Recipes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from lamella.index import Blobs, Index
    from lamella.model import Digest
    from lamella.store.limit import SizeLimit
    from lamella.store.remover import Remover


class Warmer:
    """Every method blocks. Several may work on one store, and on one blob, of which one then wins.

    Nothing has to go for a hot copy: where ``limit`` would be so near that garbage is collected, the blob stays cold.
    """

    def __init__(
        self,
        layout: Layout,
        index: Index,
        blobs: Blobs,
        chunks: Chunks,
        remover: Remover,
        *,
        limit: SizeLimit | None = None,
    ) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._recipes = Recipes(layout)
        self._chunks = chunks
        self._remover = remover
        self._limit = limit

    def warm(self, digest: Digest, pause: Callable[[int], None] = lambda _: None) -> int | None:
        """Make a cold blob hot and used now, and return its size; None where it is not cold, or so small that it stays.

        ``pause`` is called with the number of bytes just made. It may take its time, or raise to stop: then the blob
        stays cold.

        Raises:
            Corrupted: it cannot be rebuilt; it is set aside.
            NoSpareRoom: the limit leaves no room; it stays cold.
            StorageFull: the disk does not; it stays cold.
            ReadOnly: the store accepts no writes.
        """
        self._index.health.check()
        record = self._blobs.get(digest)
        if record is None or record.place is not Place.RECIPE or record.size < LEAST_SIZE:
            return None
        with self._spare(record.size):
            try:
                draft = self._rebuild(record, pause)
            except FileNotFoundError:
                self._remover.forget_lost(digest)
                return None
            except (LostChunks, RecipeError) as error:
                raise self._remover.condemn(record, error) from error
            try:
                return record.size if self._publish(digest, draft) else None
            finally:
                draft.close()

    def _spare(self, size: int) -> AbstractContextManager[None]:
        return nullcontext() if self._limit is None else self._limit.spare(size, HIGH)

    def _rebuild(self, record: BlobRecord, pause: Callable[[int], None]) -> BlobFile:
        """Return a synced file without a name, which has the bytes that the digest says."""
        with closing(self._recipes.open(record.digest)) as opened:
            draft = self._draft()
            try:
                self._fill(draft, self._chunks.rebuild(opened.recipe), pause)
                _check(draft, record)
                self._sync(draft)
            except BaseException:
                draft.close()
                raise
            return draft

    def _draft(self) -> BlobFile:
        try:
            return BlobFile(self._layout.temporary)
        except OSError as error:
            self._index.health.write_failed(error)

    def _fill(self, draft: BlobFile, buffers: Iterator[memoryview], pause: Callable[[int], None]) -> None:
        for buffer in buffers:
            try:
                draft.write(buffer)
            except OSError as error:
                self._index.health.write_failed(error)
            pause(len(buffer))

    def _sync(self, draft: BlobFile) -> None:
        try:
            draft.sync()
        except OSError as error:
            self._index.health.sync_failed(error)

    def _publish(self, digest: Digest, draft: BlobFile) -> bool:
        """Let a blob be read from its file, if it is still cold, and remove the recipe unless somebody reads by it."""
        path = self._layout.blob(digest)
        with locked_folder(path.parent, exclusive=True) as folder:
            record = self._blobs.current(digest)
            if record is None or record.place is not Place.RECIPE:
                return False
            self._name(draft, digest, folder)
            # Nobody else moves it while the folder is locked.
            hot = BlobRecord(digest, record.size, Place.FILE, self._blobs.now(), record.size)
            try:
                self._index.submit(lambda txn: self._blobs.move(txn, hot)).result()
            except StorageFull:
                path.unlink(missing_ok=True)
                raise
            self._recipes.discard(digest)
        return True

    def _name(self, draft: BlobFile, digest: Digest, folder: int) -> None:
        """Give a file its name, durably, in the folder that is locked alone."""
        path = self._layout.blob(digest)
        try:
            # What a crash has left under the name was not looked at for as long as the blob is cold.
            path.unlink(missing_ok=True)
            draft.publish(path)
        except OSError as error:
            self._index.health.write_failed(error)
        try:
            os.fsync(folder)
        except OSError as error:
            self._index.health.folder_sync_failed(path.parent, error)


def _check(draft: BlobFile, record: BlobRecord) -> None:
    if draft.digest() != record.digest.raw:
        raise RecipeError(f"it gives sha256:{draft.digest().hex()}")
