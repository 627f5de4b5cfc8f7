"""Rebuilds what the index knows of packs and cold blobs, from the files of packs and recipes."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from lamella._core import Recipe, RecipeError, read_pack_footer, sync_directory, verify_pack
from lamella.index import BlobRecord, Location, PackTable, Place
from lamella.model import Digest
from lamella.store.chunks import is_chunk
from lamella.store.cold_writer import chunk_digests
from lamella.store.layout import Layout, pack_id
from lamella.store.packs import NewPack, Packed, Packs
from lamella.store.recipes import Recipes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lamella.index import Blobs, Index
    from lamella.index.table import Transaction

logger = logging.getLogger(__name__)

PAGE: Final = 1000
"""Packs read from the index in one transaction."""


class PackReindex:
    """Takes in packs, and remembers which of their blobs can be relied on."""

    def __init__(self, layout: Layout, index: Index, blobs: Blobs) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._packs = Packs(layout, index, blobs)
        self._table = PackTable(index)
        self._sound: set[int] = set()
        self._damaged: set[tuple[int, Digest]] = set()

    def take_in(self) -> Iterator[int | None]:
        """Verify each pack and record it; yield the blobs that it had for the index, or None where it is none."""
        sync_directory(self._layout.packs)  # as for files of blobs
        for path in sorted(self._layout.packs.iterdir()):
            try:
                new = self._verified(path)
            except (RecipeError, OSError) as error:
                set_aside(self._layout, path, str(error))
                yield None
            else:
                self._sound.add(new.pack)
                yield self._index.submit(partial(self._record, new)).result()

    def holds(self, record: BlobRecord) -> bool:
        """Tell whether a packed blob is where its record says."""
        at = record.location
        return at is not None and at.pack in self._sound and (at.pack, record.digest) not in self._damaged

    def drop_lost(self) -> None:
        """Forget the packs that are not there."""
        after = None
        while page := self._table.page(after, PAGE):
            self._index.submit(partial(self._drop, [found.pack for found in page])).result()
            after = page[-1].pack

    def _verified(self, path: Path) -> NewPack:
        """Return what can be had from a pack."""
        pack = pack_id(path.name)
        if pack is None:
            raise RecipeError("not the name of a pack")
        entries = read_pack_footer(path)
        for digest, offset, problem in verify_pack(path):
            logger.error("%s: offset %d: %s", path, offset, problem)
            if digest is not None:
                self._damaged.add((pack, Digest(digest)))
        blobs = [Packed(Digest(raw), size, Location(pack, *place)) for raw, size, *place in entries]
        good = [blob for blob in blobs if (pack, blob.digest) not in self._damaged]
        return NewPack(pack, path.stat().st_size, good)

    def _record(self, new: NewPack, txn: Transaction) -> int:
        """Record a pack, and its blobs where they are not known; correct what the index has wrong."""
        adopted = 0
        if self._table.find(txn, new.pack) is None:
            self._table.put(txn, new.pack, new.size)
        for blob in new.blobs:
            found = self._blobs.find(txn, blob.digest)
            wrong = (
                found is not None
                and found.location is not None
                and found.location.pack == new.pack
                and (found.location, found.size) != (blob.location, blob.size)
            )
            if wrong:
                self._blobs.remove(txn, blob.digest)
            if found is None or wrong:
                self._blobs.put_packed(txn, blob.digest, blob.size, blob.location)
                adopted += 1
        return adopted

    def _drop(self, packs: list[int], txn: Transaction) -> None:
        for pack in packs:
            if pack not in self._sound:
                self._table.remove(txn, pack)


class RecipeReindex:
    """Takes in recipes, once it is known which chunks there are."""

    def __init__(self, layout: Layout, index: Index, blobs: Blobs) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._sound: set[Digest] = set()

    def take_in(self) -> Iterator[bool | None]:
        """Check each recipe; yield whether its blob was not known, or None where it is none or lacks chunks."""
        sync_directory(self._layout.recipes)
        for folder in Recipes(self._layout).names():
            if folder:
                sync_directory(folder[0].parent)
            for path in folder:
                try:
                    yield self._index.submit(partial(self._record, *self._verified(path))).result()
                except (RecipeError, OSError) as error:
                    set_aside(self._layout, path, str(error))
                    yield None

    def holds(self, record: BlobRecord) -> bool:
        """Tell whether a cold blob has a recipe, and all chunks."""
        return record.digest in self._sound

    def _verified(self, path: Path) -> tuple[Recipe, int]:
        data = path.read_bytes()
        recipe = Recipe(data)
        digest = Digest(recipe.digest)
        if path != self._layout.recipe(digest):
            raise RecipeError(f"it is the recipe of {digest}")
        chunks = chunk_digests(recipe)
        if lost := len(chunks) - sum(map(is_chunk, self._blobs.get_many(chunks).values())):
            raise RecipeError(f"{lost} of its {len(chunks)} chunks are lost")
        return recipe, len(data)

    def _record(self, recipe: Recipe, stored: int, txn: Transaction) -> bool:
        digest = Digest(recipe.digest)
        self._sound.add(digest)
        if self._blobs.find(txn, digest) is not None:
            return False
        self._blobs.move(txn, BlobRecord(digest, recipe.size, Place.RECIPE, self._blobs.now(), stored))
        return True


def set_aside(layout: Layout, path: Path, reason: str) -> None:
    """Move a file to ``quarantine`` under a name that nothing else there has."""
    logger.error("%s is set aside: %s", path, reason)
    path.replace(layout.quarantine / f"{path.name}-{time.time_ns()}")
