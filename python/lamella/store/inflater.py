"""Reads blobs that are what others hold compressed."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, Protocol

from lamella._core import BlobFile, LayerContent, LayerError, RecipeError
from lamella.index import Place
from lamella.store.chunks import ATTEMPTS, Chunks
from lamella.store.recipes import OpenRecipe, Recipes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from lamella.index import BlobRecord, Blobs, Health
    from lamella.model import Digest
    from lamella.store.layout import Layout

DAMAGED: Final = (LayerError, RecipeError)
"""What reading a content raises where the stored bytes are damaged, besides ``LostChunks``."""


class Content(Protocol):
    """What a compressed blob holds, open to be read; the blob may be deleted meanwhile."""

    def buffers(self, offset: int, end: int) -> Iterator[memoryview]:
        """Yield the bytes from ``offset`` to ``end``, at most ``BUFFER_SIZE`` at once; the last of all only verified.

        Raises:
            LayerError, RecipeError, LostChunks: the stored bytes are damaged.
        """

    def close(self) -> None:
        """Let go of what is open."""


class Inflater:
    """Every method blocks."""

    def __init__(self, layout: Layout, health: Health, blobs: Blobs, chunks: Chunks) -> None:
        self._layout = layout
        self._health = health
        self._blobs = blobs
        self._chunks = chunks
        self._recipes = Recipes(layout)

    def open(self, record: BlobRecord) -> Content:
        """Open an inflated blob.

        Raises:
            FileNotFoundError: its source is gone, and so is it, or the source is lost.
            RecipeError, LostChunks: its source is damaged.
            StorageFull: there is no room for the compressed bytes of a source that is in pieces.
        """
        source = record.source
        if source is None:
            raise ValueError(f"{record.digest} is not inflated from another blob")
        opened = self.recipe(source)
        if opened is None:
            return _LayerContent(self.compressed(source), record)
        if opened.recipe.content_digest != record.digest.raw:
            opened.close()
            raise RecipeError(f"it holds sha256:{opened.recipe.content_digest.hex()}")
        return RecipeContent(self._chunks, opened)

    def compressed(self, source: Digest) -> LayerContent:
        """Open a compressed blob to be inflated, wherever its bytes are.

        Raises:
            FileNotFoundError: there is no such blob, or it is lost.
            RecipeError, LostChunks: it is damaged.
            StorageFull: there is no room for its bytes, which are in pieces.
        """
        for _ in range(ATTEMPTS):
            found = self._blobs.read(source)
            if found is None:
                break
            record, data = found
            try:
                if record.place is Place.FILE:
                    return LayerContent(self._layout.blob(source))
                if data is not None:
                    return self._put_together([data])
                if record.place is Place.PACKED:
                    return self._put_together([self._chunks.read(record)])
                return self._rebuilt(source)
            except FileNotFoundError:
                continue
        raise FileNotFoundError(str(source))

    def recipe(self, source: Digest) -> OpenRecipe | None:
        """Open the recipe of a blob that is stored as what it holds; None where it is stored compressed."""
        record = self._blobs.get(source)
        if record is None or record.place is not Place.RECIPE:
            return None
        try:
            opened = self._recipes.open(source)
        except FileNotFoundError:
            return None
        if opened.recipe.transform:
            return opened
        opened.close()
        return None

    def _rebuilt(self, source: Digest) -> LayerContent:
        opened = self._recipes.open(source)
        try:
            return self._put_together(self._chunks.rebuild(opened.recipe))
        finally:
            opened.close()

    def _put_together(self, buffers: Iterable[Buffer]) -> LayerContent:
        """Write compressed bytes to a file that has no name once it is open."""
        path = self._layout.temporary / f"compressed-{secrets.token_hex(8)}"
        try:
            file = BlobFile(self._layout.temporary)
            try:
                for buffer in buffers:
                    file.write(buffer)
                file.publish(path)
            finally:
                file.close()
            return LayerContent(path)
        except OSError as error:
            self._health.write_failed(error)
        finally:
            path.unlink(missing_ok=True)


class _LayerContent:
    """Inflates from the start, whatever is asked for: nothing else tells what a decoder does next."""

    def __init__(self, layer: LayerContent, record: BlobRecord) -> None:
        self._layer = layer
        self._record = record

    def buffers(self, offset: int, end: int) -> Iterator[memoryview]:
        size, position = self._record.size, 0
        while position < end and (buffer := self._layer.read()) is not None:
            start, position = position, position + len(buffer)
            if position >= size:
                self._verify()
            wanted = memoryview(buffer)[max(offset - start, 0) : max(end - start, 0)]
            if wanted:
                yield wanted

    def close(self) -> None:
        self._layer.close()

    def _verify(self) -> None:
        """Compare digests, with all read; what follows the last byte that is expected makes another one."""
        while self._layer.read() is not None:
            pass
        if self._layer.content_digest != self._record.digest.raw:
            raise LayerError(f"it holds sha256:{self._layer.content_digest.hex()}")


class RecipeContent:
    """Reads from chunks, without any compressed byte being made, and from anywhere."""

    def __init__(self, chunks: Chunks, opened: OpenRecipe) -> None:
        self._chunks = chunks
        self._opened = opened

    def buffers(self, offset: int, end: int) -> Iterator[memoryview]:
        """See ``Content.buffers``."""
        return self._chunks.content(self._opened.recipe, offset, end - offset)

    def close(self) -> None:
        """See ``Content.close``."""
        self._opened.close()
