"""Reads packed blobs, and blobs that are rebuilt from chunks, wherever these are."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from lamella._core import Recipe, RecipeError, RecipeReader, read_chunks, read_pack_footer, sha256
from lamella.index import Blobs, Place
from lamella.model import Digest
from lamella.store.protocol import BUFFER_SIZE
from lamella.store.recipes import Recipes
from lamella.store.reencode import in_buffers, reencode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lamella.index import BlobRecord
    from lamella.store.layout import Layout
    from lamella.store.packs import Packs

ATTEMPTS: Final = 5
"""How often chunks are looked up again that moved to another place before they could be read there."""

WINDOW_SIZE: Final = BUFFER_SIZE // 2
"""About how many bytes are put together at once: whoever reads holds three or four such windows of each blob."""

_Located: TypeAlias = tuple[bytes, int, int, int, int, int, int]
"""Digest, descriptor of the pack, frame's offset, length and size, offset in the frame, size."""


class LostChunks(Exception):
    """Chunks are not in the store, or ``damaged`` where they are."""

    def __init__(self, chunks: Sequence[Digest], *, damaged: bool = False) -> None:
        state = "damaged" if damaged else "lost"
        super().__init__(f"{len(chunks)} of its chunks are {state}: {', '.join(map(str, chunks[:3]))}")
        self.chunks = tuple(chunks)
        self.damaged = damaged


class Chunks:
    """Every method blocks, and raises ``RecipeError`` rather than give a byte that is not the right one."""

    def __init__(self, layout: Layout, blobs: Blobs, packs: Packs) -> None:
        self._layout = layout
        self._blobs = blobs
        self._packs = packs
        self._recipes = Recipes(layout)

    def read(self, record: BlobRecord) -> bytes:
        """Return the bytes of a packed blob.

        Raises:
            FileNotFoundError: its pack is gone: it moved, or is lost.
            RecipeError: its frame is damaged, or it has another digest.
        """
        return self.read_many([record])[record.digest]

    def read_many(self, records: Sequence[BlobRecord]) -> dict[Digest, bytes]:
        """Return the bytes of packed blobs, which all fit memory; each frame is read once.

        Raises:
            FileNotFoundError: a pack is gone: it moved, or is lost.
            RecipeError: a frame is damaged, or a blob has another digest.
        """
        packs = {record.location.pack for record in records if record.location is not None}
        with self._packs.opened(packs) as descriptors:
            # In the order of packs and frames, so that those of one frame are neighbours.
            located = sorted((_located(record, descriptors) for record in records), key=lambda at: at[1:])
            return dict(zip((Digest(at[0]) for at in located), read_chunks(located), strict=True))

    def rebuild(self, recipe: Recipe, offset: int = 0, length: int | None = None) -> Iterator[memoryview]:
        """Yield the bytes of a blob from its recipe, at most ``BUFFER_SIZE`` at once.

        Raises:
            LostChunks: some of its chunks are gone or damaged.
            RecipeError: the recipe is damaged, or needs an encoder that this version does not have.
        """
        if recipe.transform:
            return reencode(recipe, self.content(recipe), offset, length)
        return self.content(recipe, offset, length)

    def content(self, recipe: Recipe, offset: int = 0, length: int | None = None) -> Iterator[memoryview]:
        """Yield what a recipe's pieces are together: the blob, or what it holds compressed; raises as ``rebuild``."""
        reader = RecipeReader(recipe, offset, length)
        while (window := self._read(reader)) is not None:
            yield from in_buffers(window)

    def _read(self, reader: RecipeReader) -> bytes | None:
        wanted = reader.wanted(WINDOW_SIZE)
        digests = Digest.split(wanted)
        with ExitStack() as stack:
            located, whole = self._gather(digests, stack)
            try:
                return reader.read(located, whole)
            except RecipeError as error:
                damaged = [] if error.digest is None else self._damaged_with(Digest(error.digest))
                if damaged:
                    raise LostChunks(damaged, damaged=True) from error
                raise

    def _gather(self, digests: list[Digest], stack: ExitStack) -> tuple[list[_Located], dict[bytes, bytes]]:
        """Open the packs of chunks, until ``stack`` is left, and read the chunks that are elsewhere."""
        for _ in range(ATTEMPTS):
            records = self._blobs.get_many(digests)
            if lost := [digest for digest in digests if not is_chunk(records.get(digest))]:
                raise LostChunks(lost)
            packs = {record.location.pack for record in records.values() if record.location is not None}
            try:
                descriptors = stack.enter_context(self._packs.opened(packs))
                whole = {
                    digest.raw: self._read_unpacked(record)
                    for digest, record in records.items()
                    if record.location is None
                }
            except FileNotFoundError:
                continue
            return [_located(record, descriptors) for record in records.values() if record.location is not None], whole
        gone = [digest for digest, record in records.items() if not self._layout.has(record)]
        raise LostChunks(gone or digests)

    def _read_unpacked(self, record: BlobRecord) -> bytes:
        """Return the bytes of a blob that is small although it is not packed: a chunk that was uploaded by itself."""
        if record.place is Place.INLINE:
            found = self._blobs.read(record.digest)
            data = None if found is None else found[1]
            if data is None:
                raise FileNotFoundError(str(record.digest))
        elif record.place is Place.FILE:
            data = self._layout.blob(record.digest).read_bytes()
        else:
            with closing(self._recipes.open(record.digest)) as opened:
                data = b"".join(self.rebuild(opened.recipe))
        if sha256(data) != record.digest.raw:
            raise LostChunks([record.digest], damaged=True)
        return data

    def _damaged_with(self, chunk: Digest) -> list[Digest]:
        """Return those chunks of a chunk's frame, and the chunk itself, that are not what they are called."""
        found = {chunk}
        record = self._blobs.get(chunk)
        at = None if record is None else record.location
        if at is not None:
            with suppress(OSError, RecipeError):
                entries = read_pack_footer(self._layout.pack(at.pack))
                named = [Digest(raw) for raw, _, offset, *_ in entries if offset == at.frame_offset]
                # What was in the frame once, and by now is elsewhere, is none of its damage.
                locations = {record.digest: record.location for record in self._blobs.get_many(named).values()}
                found |= {
                    digest for digest, other in locations.items() if other is not None and other.frame == at.frame
                }
        return [digest for digest in found if not self._is_whole(digest)]

    def _is_whole(self, digest: Digest) -> bool:
        """Tell whether a chunk can be read, and has the bytes that its name says."""
        record = self._blobs.get(digest)
        if record is None:
            return False
        try:
            return sha256(self._read_unpacked(record) if record.location is None else self.read(record)) == digest.raw
        except (OSError, RecipeError, LostChunks):
            return False


def is_chunk(record: BlobRecord | None) -> bool:
    """Tell whether a blob is there that recipes are read with: an inflated one could lead back to the same recipe."""
    return record is not None and record.place is not Place.INFLATED


def _located(record: BlobRecord, descriptors: dict[int, int]) -> _Located:
    at = record.location
    if at is None:
        raise ValueError(f"{record.digest} is not packed")
    return (
        record.digest.raw,
        descriptors[at.pack],
        at.frame_offset,
        at.frame_length,
        at.frame_size,
        at.offset,
        record.size,
    )
