"""Reads what a local store has, and tells what is not as it was written."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from lamella._core import RecipeError, Sha256, read_pack_footer, verify_pack
from lamella.index import PackTable, Place
from lamella.model import Digest
from lamella.store.chunks import ATTEMPTS, is_chunk
from lamella.store.cold_writer import chunk_digests
from lamella.store.recipes import Recipes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lamella._core import Recipe
    from lamella.index import BlobRecord, Blobs, Index
    from lamella.store.layout import Layout

READ_BYTES: Final = 4 << 20
"""Bytes of a file that are hashed between two pauses."""

PackDamage: TypeAlias = tuple[Digest | None, int, str]
"""A chunk, or None for what belongs to none; the offset in the pack, in bytes; what is wrong."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are not what was written.

    ``digest`` is None where they belong to no blob, ``path`` is None where they are in the index, and ``offset``, in
    bytes, where it cannot be told.
    """

    digest: Digest | None
    place: Place
    path: Path | None
    offset: int | None
    problem: str


class Inspector:
    """Every method blocks, and changes nothing.

    Nothing is called damaged before it was read twice. What is gone, or elsewhere, by the second time is no damage.
    """

    def __init__(self, layout: Layout, index: Index, blobs: Blobs) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._packs = PackTable(index)
        self._recipes = Recipes(layout)

    def blob(self, record: BlobRecord, pause: Callable[[], None] = lambda: None) -> Damage | None:
        """Tell what is wrong with a blob's file, its bytes in the index, or its recipe.

        Of a packed blob nothing is looked at: ``pack`` does so; nor of an inflated one, which has no bytes. Of a
        recipe's chunks only whether they are there is. ``pause`` is called while a large file is
        read, and may raise to stop.
        """
        seen: tuple[object, ...] | None = None
        for _ in range(ATTEMPTS):
            problem = self._problem(record, pause)
            current = self._blobs.get(record.digest)
            if problem is None or current is None:
                return None
            now = (current.place, current.location, problem)
            if now == seen:
                return Damage(record.digest, record.place, self._layout.holder(record), None, problem)
            seen, record = now, current
        return None

    def pack(self, pack: int) -> list[PackDamage]:
        """Tell what is wrong with a pack, or where the index does not agree with it on what it holds."""
        for _ in range(2):
            found = self._pack(pack)
            if not found or not self.knows_pack(pack):
                return []
        return found

    def path(self, pack: int) -> Path:
        """Return the file of a pack."""
        return self._layout.pack(pack)

    def knows_pack(self, pack: int) -> bool:
        """Tell whether the index has the record of a pack."""
        with self._index.read() as txn:
            return self._packs.find(txn, pack) is not None

    def _problem(self, record: BlobRecord, pause: Callable[[], None]) -> str | None:
        try:
            if record.place is Place.FILE:
                return self._problem_of_file(record, pause)
            if record.place is Place.INLINE:
                return self._problem_of_value(record)
            if record.place is Place.RECIPE:
                return self._problem_of_recipe(record)
        except (OSError, RecipeError) as error:
            return str(error)
        return None

    def _problem_of_file(self, record: BlobRecord, pause: Callable[[], None]) -> str | None:
        sha256, size, buffer = Sha256(), 0, memoryview(bytearray(min(READ_BYTES, record.size + 1)))
        path = self._layout.blob(record.digest)
        _forget_pages(path)
        with path.open("rb", buffering=0) as file:
            while length := file.readinto(buffer):
                sha256.update(buffer[:length])
                size += length
                pause()
        return _difference(record, Digest(sha256.digest()), size)

    def _problem_of_value(self, record: BlobRecord) -> str | None:
        found = self._blobs.read(record.digest)
        data = None if found is None else found[1]
        if data is None:
            return "the index does not have its bytes"
        return _difference(record, Digest.of(data), len(data))

    def _problem_of_recipe(self, record: BlobRecord) -> str | None:
        _forget_pages(self._layout.recipe(record.digest))
        with closing(self._recipes.open(record.digest)) as opened:
            recipe = opened.recipe
        if recipe.size != record.size:
            return f"its recipe gives {recipe.size} bytes instead of {record.size}"
        lost = self._lost_chunks(recipe)
        return f"it lacks {len(lost)} of its chunks, first {lost[0]}" if lost else None

    def _lost_chunks(self, recipe: Recipe) -> list[Digest]:
        chunks = chunk_digests(recipe)
        known = self._blobs.get_many(chunks)
        return [chunk for chunk in chunks if not is_chunk(known.get(chunk))]

    def _pack(self, pack: int) -> list[PackDamage]:
        path = self._layout.pack(pack)
        try:
            _forget_pages(path)
            damages = verify_pack(path)
            if damages:
                return [(None if raw is None else Digest(raw), offset, problem) for raw, offset, problem in damages]
            if not self._agrees(pack, path):
                return [(None, 0, "the index does not agree with it on where its chunks are")]
        except (OSError, RecipeError) as error:
            return [(None, 0, str(error))]
        return []

    def _agrees(self, pack: int, path: Path) -> bool:
        """Tell whether every record that points into a pack points to where the pack has that blob."""
        entries = read_pack_footer(path)
        with self._index.read() as txn:
            known = self._packs.find(txn, pack)
            if known is None:
                return True
            right = 0
            for raw, size, *place in entries:
                record = self._blobs.find(txn, Digest(raw))
                at = None if record is None else record.location
                if record is None or at is None or at.pack != pack:
                    continue
                if [record.size, at.frame_offset, at.frame_length, at.frame_size, at.offset] != [size, *place]:
                    return False
                right += 1
            return right == known.blobs


def _difference(record: BlobRecord, digest: Digest, size: int) -> str | None:
    if digest != record.digest:
        return f"its bytes have {digest}"
    return None if size == record.size else f"it has {size} bytes instead of {record.size}"


def _forget_pages(path: Path) -> None:
    """Let a file be read from the disk, although the kernel may have it in memory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
