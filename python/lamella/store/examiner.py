"""Finds out what compressed blobs hold, so that this is a blob, too."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final

from lamella._core import LayerError, RecipeError, hash_file
from lamella.index import ContentRecord, Contents, Place
from lamella.model import Digest
from lamella.store.chunks import LostChunks

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.index import BlobRecord, Blobs, Index
    from lamella.store.inflater import Inflater
    from lamella.store.layout import Layout
    from lamella.store.remover import Remover


BATCH_BYTES: Final = 32 << 20
"""Bytes of content between two pauses: many times as many as are inflated ahead, while it sleeps."""


class Examiner:
    """Every method blocks. What holds more than ``max_content`` bytes is not looked into to its end."""

    def __init__(
        self, layout: Layout, index: Index, blobs: Blobs, inflater: Inflater, *, remover: Remover, max_content: int
    ) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._contents = Contents(index)
        self._inflater = inflater
        self._remover = remover
        self._max_content = max_content

    def examine(self, digest: Digest, pause: Callable[[int], None] = lambda _: None) -> bool:
        """Let what a compressed blob holds be a blob; True where it was not one before.

        A blob is inflated once, and then known. Nothing counts as used. ``pause`` is called with the bytes that were
        just inflated, and may raise to stop: then nothing is known yet.

        Raises:
            StorageFull, ReadOnly: as the store says.
        """
        record = self._blobs.get(digest)
        if record is None or record.place is Place.INFLATED:
            return False
        content = self._contents.get(digest)
        if content is None:
            try:
                content = self._content(record, pause)
            except FileNotFoundError:
                return False
            except (LostChunks, RecipeError) as error:
                self._remover.condemn(record, error)
                return False
        elif content.digest is None or self._blobs.get(content.digest) is not None:
            return False
        return self._index.submit(partial(self._blobs.put_content, source=digest, content=content)).result()

    def _content(self, record: BlobRecord, pause: Callable[[int], None]) -> ContentRecord:
        opened = self._inflater.recipe(record.digest)
        if opened is not None:
            with closing(opened):
                recipe = opened.recipe
            return self._limited(ContentRecord(Digest(recipe.content_digest), recipe.content_size))
        try:
            return self._inflate(record.digest, pause)
        except LayerError:
            self._check_file(record)
            return ContentRecord(None)

    def _inflate(self, digest: Digest, pause: Callable[[int], None]) -> ContentRecord:
        size = paused = 0
        with closing(self._inflater.compressed(digest)) as layer:
            if layer.compression == "none":
                return ContentRecord(None)
            while (buffer := layer.read()) is not None:
                size += len(buffer)
                if size > self._max_content:
                    return ContentRecord(None)
                if size - paused >= BATCH_BYTES:
                    pause(size - paused)
                    paused = size
            pause(size - paused)
            if layer.digest != digest.raw:
                raise RecipeError(f"its bytes have sha256:{layer.digest.hex()}")
            # The empty blob is there without any.
            return ContentRecord(Digest(layer.content_digest), size) if size else ContentRecord(None)

    def _check_file(self, record: BlobRecord) -> None:
        """Tell bytes that never were right from those that were damaged here."""
        if record.place is not Place.FILE:
            return  # verified as they were put together
        raw, _ = hash_file(self._layout.blob(record.digest))
        if raw != record.digest.raw:
            raise RecipeError(f"its bytes have sha256:{raw.hex()}")

    def _limited(self, content: ContentRecord) -> ContentRecord:
        return content if content.size <= self._max_content else ContentRecord(None)
