"""Looks for the bytes of small blobs wherever a store may have them a second time."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from lamella._core import RecipeError, sha256
from lamella.index import Place
from lamella.model import Digest
from lamella.store.layout import FAN_OUT, Layout
from lamella.store.pack_contents import PackContents
from lamella.store.packer import PACKED_MAX
from lamella.store.recipes import Recipes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lamella._core import Recipe
    from lamella.index import Blobs
    from lamella.store.chunks import Chunks

_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")


class Copies:
    """Every method blocks. What it gives has the digest that it is asked for."""

    def __init__(self, layout: Layout, blobs: Blobs, chunks: Chunks) -> None:
        self._layout = layout
        self._blobs = blobs
        self._chunks = chunks
        self._recipes = Recipes(layout)
        self._packs = PackContents(layout)

    def forget(self) -> None:
        """Give back the memory that repeated searches share."""
        self._packs.forget()

    def find(self, wanted: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Yield those blobs of at most ``PACKED_MAX`` bytes that some file still has, each once, with their bytes.

        Looked for in files of their own, in all packs by their footers, and in whole copies of cold blobs.
        """
        left = set(wanted)
        for search in (self._in_files, self._in_packs, self._in_whole_copies):
            for digest, data in search(left):
                if digest in left and sha256(data) == digest.raw:
                    left.discard(digest)
                    yield digest, data
            if not left:
                return

    def _in_files(self, wanted: set[Digest]) -> Iterator[tuple[Digest, bytes]]:
        for digest in list(wanted):
            with suppress(OSError):
                path = self._layout.blob(digest)
                if path.stat().st_size <= PACKED_MAX:
                    yield digest, path.read_bytes()

    def _in_packs(self, wanted: set[Digest]) -> Iterator[tuple[Digest, bytes]]:
        for record in self._packs.find(wanted):
            with suppress(OSError, RecipeError):
                yield record.digest, self._chunks.read(record)

    def _in_whole_copies(self, wanted: set[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Yield what is in files of blobs that are cold by now: a crash leaves them, until they are removed."""
        for folder in FAN_OUT:
            names = [path.name for path in (self._layout.blobs / folder).iterdir()]
            records = self._blobs.get_many(Digest(bytes.fromhex(name)) for name in sorted(names) if _HEX.match(name))
            for record in records.values():
                if record.place is Place.RECIPE and wanted:
                    with suppress(OSError, RecipeError):
                        yield from self._in_whole_copy(record.digest, wanted)

    def _in_whole_copy(self, digest: Digest, wanted: set[Digest]) -> Iterator[tuple[Digest, bytes]]:
        with closing(self._recipes.open(digest)) as opened:
            recipe = opened.recipe
        if recipe.transform or wanted.isdisjoint(Digest.split(recipe.chunks())):
            return
        yield from _slices(recipe, self._layout.blob(digest), wanted)


def _slices(recipe: Recipe, path: Path, wanted: set[Digest]) -> Iterator[tuple[Digest, bytes]]:
    """Yield the chunks of a blob, whose file has its bytes as they are, by their places in the recipe."""
    offset = 0
    with path.open("rb") as file:
        for raw, size in recipe.pieces():
            if (digest := Digest(raw)) in wanted and size <= PACKED_MAX:
                file.seek(offset)
                yield digest, file.read(size)
            offset += size
