"""Lets a blob be rebuilt from a recipe from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._core import BlobFile, Recipe
from lamella.errors import LamellaError, NotFound, ReadOnly
from lamella.index import BlobRecord, ContentRecord, Place
from lamella.model import Digest
from lamella.store.buffered_file import MAX_BLOB_SIZE
from lamella.store.layout import Layout, locked_folder
from lamella.store.recipes import Recipes

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from lamella.index import Blobs, Index
    from lamella.index.table import Transaction


class CannotTurnCold(LamellaError):
    """A blob cannot be rebuilt from a recipe now; it stays as it was."""

    def __init__(self, digest: Digest, reason: str) -> None:
        super().__init__(f"blob {digest} cannot turn cold: {reason}")
        self.digest = digest
        self.reason = reason


class ColdWriter:
    """Every method blocks: call them in threads, never in the thread that writes the index."""

    def __init__(self, layout: Layout, index: Index, blobs: Blobs, max_content: int = MAX_BLOB_SIZE) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._recipes = Recipes(layout)
        self._max_content = max_content

    def commit(self, recipe: Recipe, data: Buffer, *, absent: bool = False) -> None:
        """Make a recipe, whose file is ``data``, the place of a hot blob, or of one that may be ``absent``.

        The caller has rebuilt the blob from the recipe and compared its digest. All chunks count as used now. What a
        compressed blob holds is a blob from then on. Where the blob is in a third place already it stays there; for who
        thought it ``absent``, and so has brought it, it counts as used.

        Raises:
            NotFound: a chunk is not in the store, or the blob itself is not, and is not said to be absent.
            CannotTurnCold: a chunk is itself rebuilt from a recipe, or somebody still reads an earlier recipe.
            StorageFull: there is no room.
            ReadOnly: the recipe could not be made durable.
        """
        digest = Digest(recipe.digest)
        chunks = chunk_digests(recipe)
        draft = self._draft(data)
        try:
            path = self._layout.blob(digest)
            with locked_folder(path.parent, exclusive=True):
                record = self._index.submit(lambda txn: self._find(txn, digest, absent=absent)).result()
                if record is None and not absent:
                    raise NotFound(digest)
                if record is not None and record.place is not Place.FILE:
                    return
                self._publish(digest, draft)
                new = BlobRecord(digest, recipe.size, Place.RECIPE, 0, memoryview(data).nbytes)
                try:
                    self._index.submit(lambda txn: self._move(txn, new, chunks, recipe)).result()
                except ReadOnly:
                    raise  # The record may be on the disk: the recipe stays.
                except LamellaError:
                    self._recipes.discard(digest)
                    raise
                path.unlink(missing_ok=True)
        finally:
            draft.close()

    def _find(self, txn: Transaction, digest: Digest, *, absent: bool) -> BlobRecord | None:
        found = self._blobs.find(txn, digest)
        if absent and found is not None and found.place is not Place.FILE:
            self._blobs.use(txn, digest)
        return found

    def _draft(self, data: Buffer) -> BlobFile:
        try:
            draft = BlobFile(self._layout.temporary)
            draft.write(data)
        except OSError as error:
            self._index.health.write_failed(error)
        try:
            draft.sync()
        except OSError as error:
            draft.close()
            self._index.health.sync_failed(error)
        return draft

    def _publish(self, digest: Digest, draft: BlobFile) -> None:
        try:
            published = self._recipes.publish(digest, draft)
        except OSError as error:
            self._index.health.write_failed(error)
        if not published:
            raise CannotTurnCold(digest, "an earlier recipe is being read")

    def _move(self, txn: Transaction, new: BlobRecord, chunks: list[Digest], recipe: Recipe) -> None:
        for chunk in chunks:
            found = self._blobs.use(txn, chunk)
            if found is None:
                raise NotFound(chunk)
            # No recipe may lead back to itself, however many others lie between.
            if found.place in (Place.RECIPE, Place.INFLATED) or chunk == new.digest:
                raise CannotTurnCold(new.digest, f"its chunk {chunk} is itself rebuilt from others")
        earlier = self._blobs.find(txn, new.digest)
        if earlier is not None and earlier.place is not Place.FILE:
            raise CannotTurnCold(new.digest, "it is in another place by now")
        used = self._blobs.now() if earlier is None else earlier.used
        self._blobs.move(txn, BlobRecord(new.digest, new.size, new.place, used, new.stored))
        if recipe.transform and recipe.content_size <= self._max_content:
            content = ContentRecord(Digest(recipe.content_digest), recipe.content_size)
            self._blobs.put_content(txn, new.digest, content)


def chunk_digests(recipe: Recipe) -> list[Digest]:
    """Return the chunks that a recipe names, each once."""
    return list(dict.fromkeys(Digest.split(recipe.chunks())))
