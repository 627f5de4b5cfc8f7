"""Turns hot blobs cold: from a file of their own into a recipe and the chunks that are new."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lamella._core import Chunker, LayerError, Recipe, RecipeError, Sha256, detect_compression, find_encoder
from lamella.errors import NotFound
from lamella.index import Place, WholeBlobs
from lamella.model import Digest
from lamella.store.buffered_file import MAX_BLOB_SIZE
from lamella.store.chunks import Chunks, LostChunks
from lamella.store.cold_writer import CannotTurnCold, ColdWriter
from lamella.store.limit import NoSpareRoom
from lamella.store.new_chunks import NewChunks
from lamella.store.packer import PACKED_MAX
from lamella.store.packs import PACK_SIZE, Packs

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lamella.index import Blobs, Index
    from lamella.index.table import Transaction
    from lamella.store.layout import Layout
    from lamella.store.limit import SizeLimit
    from lamella.store.remover import Remover

LEAST_SIZE: Final = PACKED_MAX + 1
"""The fewest bytes of a blob that turns cold: no chunk of another blob has as many."""

MOST_STORED: Final = 0.9
"""The share of a blob's size that its recipe and its new chunks may take on the disk; with more it stays whole."""

MOST_REENCODED: Final = 1.2
"""The same of a compressed blob: its first release gains nothing, but those that follow share with it (decision 12)."""

JUDGED_AT: Final = PACK_SIZE
"""Bytes of a blob after which it is given up where its chunks take more than ``MOST_STORED`` so far."""

_PAYS_NOT: Final = "cold it would not take less room"

BATCH_BYTES: Final = 8 << 20
"""Bytes of content between two pauses."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of a hot blob."""

    size: int
    """Its bytes."""
    stored: int
    """Bytes that it now adds to what is on the disk: its new chunks and its recipe, or, if it is whole, its size."""
    kept: str | None = None
    """Why it stays whole; None where it turned cold."""


class Compactor:
    """Every method blocks. Several may work on one store, but not on one blob, or they do it twice.

    What a compressed blob holds becomes a blob, too, where that has at most ``max_content`` bytes. A blob and its
    chunks are both there for a moment; where ``limit`` leaves no room for that, the blob stays hot.
    """

    def __init__(
        self,
        layout: Layout,
        index: Index,
        blobs: Blobs,
        remover: Remover,
        *,
        max_content: int = MAX_BLOB_SIZE,
        limit: SizeLimit | None = None,
    ) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._remover = remover
        self._whole = WholeBlobs(index)
        self._packs = Packs(layout, index, blobs)
        self._chunks = Chunks(layout, blobs, self._packs)
        self._cold = ColdWriter(layout, index, blobs, max_content)
        self._limit = limit

    def compact(self, digest: Digest, pause: Callable[[int], None] = lambda _: None) -> Compacted | None:
        """Turn a hot blob cold if that takes less room; None where it is not there, or not hot, any more.

        ``pause`` is called with the number of bytes just read. It may take its time, or raise to stop: then the blob
        stays hot, and the chunks that are packed by then need not be packed again.

        Raises:
            CannotTurnCold: something stands in the way that may be gone later; the blob stays hot.
            StorageFull: there is no room for chunks or recipe; the blob stays hot.
            ReadOnly: the store accepts no writes.
        """
        record = self._blobs.get(digest)
        if record is None or record.place is not Place.FILE:
            return None
        try:
            outcome = self._try(digest, record.size, pause)
        except FileNotFoundError:
            return None
        except NoSpareRoom as error:
            raise CannotTurnCold(digest, str(error)) from error
        except LayerError as error:
            outcome = Compacted(record.size, record.size, str(error))
        if outcome.kept is not None:
            self._keep(digest, outcome.kept)
        return outcome

    def is_compressed(self, digest: Digest) -> bool:
        """Tell whether a hot blob is compressed; False where it is not hot any more."""
        try:
            return _compression(self._layout.blob(digest)) != "none"
        except FileNotFoundError:
            return False

    def _try(self, digest: Digest, size: int, pause: Callable[[int], None]) -> Compacted:
        path = self._layout.blob(digest)
        if size < LEAST_SIZE:
            return Compacted(size, size, "too small")
        encoder, most = ("", b""), MOST_STORED * size
        if (compression := _compression(path)) != "none":
            found = find_encoder(path)
            if found is None:
                return Compacted(size, size, f"compressed with {compression}, by an encoder that is not known")
            encoder, most = found, MOST_REENCODED * size
        new = NewChunks(self._packs, self._blobs, self._spare)
        try:
            chunker, read = Chunker(path, decompress=bool(encoder[0])), 0
            while (batch := chunker.next(BATCH_BYTES)) is not None:
                new.add_batch(batch)
                read += sum(batch.sizes)
                seems_large = read >= JUDGED_AT and new.stored > MOST_STORED * read
                if new.stored > most or seems_large:
                    return Compacted(size, size, _PAYS_NOT)
                pause(sum(batch.sizes))
            if chunker.digest != digest.raw:
                self._remover.suspect(digest, f"its bytes have sha256:{chunker.digest.hex()}")
                raise CannotTurnCold(digest, "its bytes are damaged")
            data = chunker.recipe(*encoder)
            new.finish()
            stored = new.stored + len(data)
            if stored > most:
                return Compacted(size, size, _PAYS_NOT)
            new.publish()
        finally:
            new.close()
        return self._commit(Recipe(data), data, stored, pause)

    def _commit(self, recipe: Recipe, data: bytes, stored: int, pause: Callable[[int], None]) -> Compacted:
        """Rebuild a blob from what is on the disk, and drop the whole copy only if that gives the same bytes."""
        digest = Digest(recipe.digest)
        sha256 = Sha256()
        try:
            for buffer in self._chunks.rebuild(recipe):
                sha256.update(buffer)
                pause(len(buffer))
            if sha256.digest() != recipe.digest:
                return Compacted(recipe.size, recipe.size, f"rebuilding it gave sha256:{sha256.digest().hex()}")
            with self._spare(len(data)):
                self._cold.commit(recipe, data)
        except LostChunks as error:
            self._remover.drop_chunks(error)
            raise CannotTurnCold(digest, str(error)) from error
        except NotFound as error:
            raise CannotTurnCold(digest, str(error)) from error
        except RecipeError as error:
            return Compacted(recipe.size, recipe.size, str(error))
        return Compacted(recipe.size, stored)

    def _spare(self, size: int) -> AbstractContextManager[None]:
        return nullcontext() if self._limit is None else self._limit.spare(size)

    def _keep(self, digest: Digest, reason: str) -> None:
        def keep(txn: Transaction) -> None:
            if self._blobs.find(txn, digest) is not None:
                self._whole.put(txn, digest, reason)

        self._index.submit(keep).result()


def _compression(path: Path) -> str:
    with path.open("rb") as file:
        return detect_compression(file.read(4))
