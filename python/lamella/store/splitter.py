"""Tells the chunks that a blob is made of."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from lamella._core import RecipeError
from lamella.errors import NoChunks, NotFound
from lamella.index import Place
from lamella.model import Digest
from lamella.store.chunks import ATTEMPTS
from lamella.store.cold_writer import CannotTurnCold
from lamella.store.compactor import LEAST_SIZE
from lamella.store.protocol import BlobInfo

if TYPE_CHECKING:
    from lamella._core import Recipe
    from lamella.index import BlobRecord, Blobs, WholeBlobs
    from lamella.store.compactor import Compactor
    from lamella.store.recipes import OpenRecipe, Recipes
    from lamella.store.remover import Remover

MOST_HOT: Final = 2 << 30
"""Bytes of the largest blob that is cut while somebody waits; larger ones turn cold in their time."""

MOST_LITERAL: Final = 64 << 20
"""Bytes of a blob between its chunks that are held in memory."""

_COMPRESSED: Final = "its chunks are those of what it was compressed from"


class Splitter:
    """Every method blocks."""

    def __init__(
        self, blobs: Blobs, whole: WholeBlobs, compactor: Compactor, recipes: Recipes, remover: Remover
    ) -> None:
        self._blobs = blobs
        self._whole = whole
        self._compactor = compactor
        self._recipes = recipes
        self._remover = remover

    def split(self, digest: Digest, most: int) -> tuple[list[BlobInfo], dict[Digest, bytes]]:
        """Return the pieces of a blob in order, at most ``most``, and those of them that are no blobs yet.

        A hot blob turns cold first.

        Raises:
            NotFound: there is no such blob.
            NoChunks: it stays whole, or has more pieces.
            Corrupted: its recipe is damaged; it is set aside.
            StorageFull, ReadOnly: as the store says.
        """
        record, opened = self._open(digest)
        if record.source is not None and record.size >= LEAST_SIZE:
            return self._split_inflated(record, record.source, most)
        if opened is None:
            return [BlobInfo(digest, record.size)], {}
        try:
            with closing(opened):
                if opened.recipe.transform:
                    raise NoChunks(digest, _COMPRESSED)
                return _pieces(digest, opened.recipe, most)
        except RecipeError as error:
            raise self._remover.condemn(record, error) from error

    def open(self, digest: Digest) -> OpenRecipe:
        """Return the recipe of a blob; the caller closes it. A hot blob turns cold first.

        Raises:
            NotFound: there is no such blob.
            NoChunks: it stays whole, or an encoder makes it of its chunks.
            Corrupted: its recipe is damaged; it is set aside.
            StorageFull, ReadOnly: as the store says.
        """
        _, opened = self._open(digest)
        if opened is None:
            raise NoChunks(digest, "it is no larger than a chunk, or inflated from another blob")
        if opened.recipe.transform:
            opened.close()
            raise NoChunks(digest, _COMPRESSED)
        return opened

    def _open(self, digest: Digest) -> tuple[BlobRecord, OpenRecipe | None]:
        """Turn a hot blob cold, and open its recipe, if it can have one; return its record, too."""
        for _ in range(ATTEMPTS):
            record, _ = self._blobs.look_up(digest)
            if record.place is Place.FILE and record.size >= LEAST_SIZE:
                record = self._cold(record)
            if record.place is not Place.RECIPE:
                return record, None
            try:
                return record, self._recipes.open(digest)
            except FileNotFoundError:
                # Hot again, or gone, since it was looked up; or the recipe is lost.
                self._remover.forget_lost(digest)
            except RecipeError as error:
                raise self._remover.condemn(record, error) from error
        raise NotFound(digest)

    def _split_inflated(
        self, record: BlobRecord, source: Digest, most: int
    ) -> tuple[list[BlobInfo], dict[Digest, bytes]]:
        """Return the pieces that a compressed blob is made of, which are those of what it holds, once it is cold."""
        try:
            with closing(self._recipes.open(source)) as opened:
                if opened.recipe.content_digest == record.digest.raw:
                    return _pieces(record.digest, opened.recipe, most)
        except FileNotFoundError:
            pass
        except RecipeError as error:
            raise self._remover.condemn(record, error) from error
        raise NoChunks(record.digest, f"it is inflated from {source}, which is not cold")

    def _cold(self, record: BlobRecord) -> BlobRecord:
        """Turn a hot blob cold, and return its record then; one that is compressed stays hot: its chunks are no use."""
        if (reason := self._whole.get(record.digest)) is not None:
            raise NoChunks(record.digest, reason)
        if self._compactor.is_compressed(record.digest):
            raise NoChunks(record.digest, _COMPRESSED)
        if record.size > MOST_HOT:
            raise NoChunks(record.digest, f"it has more than {MOST_HOT} bytes, and was not cut yet")
        try:
            outcome = self._compactor.compact(record.digest)
        except CannotTurnCold as error:
            raise NoChunks(record.digest, error.reason) from error
        if outcome is not None and outcome.kept is not None:
            raise NoChunks(record.digest, outcome.kept)
        found = self._blobs.get(record.digest)
        if found is None:
            raise NotFound(record.digest)
        return found


def _pieces(digest: Digest, recipe: Recipe, most: int) -> tuple[list[BlobInfo], dict[Digest, bytes]]:
    if recipe.chunk_count > most or recipe.literal_size > MOST_LITERAL:
        raise NoChunks(digest, f"it has more than {most} pieces, or they would not fit memory")
    named = recipe.pieces()
    if len(named) > most:
        raise NoChunks(digest, f"it has more than {most} pieces")
    chunks = set(Digest.split(recipe.chunks()))
    pieces = [BlobInfo(Digest(raw), size) for raw, size in named]
    literals = {piece.digest: recipe.literal(place) for place, piece in enumerate(pieces) if piece.digest not in chunks}
    return pieces, literals
