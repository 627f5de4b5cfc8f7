"""Files as recipes, cut as the server would."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lamella._core import Chunker, Recipe, detect_compression
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Cut:
    """A file that is not compressed, as a recipe; blocks while it is made.

    ``data`` is the recipe's file. ``chunks`` are digest, offset in the file and size of each chunk, in the order in
    which they first appear.

    Raises:
        LayerError: the recipe would have more than 256 MiB.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        chunker = Chunker(path)
        while chunker.next() is not None:
            pass
        self.path = path
        self.data = chunker.recipe()
        self.recipe = Recipe(self.data)
        self.digest = Digest(self.recipe.digest)
        self.chunks = [(Digest(raw), offset, size) for raw, offset, size in self.recipe.distinct()]

    def size(self, numbers: Sequence[int]) -> int:
        """Return how many bytes some of the chunks have together."""
        return sum(self.chunks[number][2] for number in numbers)

    def read(self, numbers: Sequence[int]) -> list[bytes]:
        """Return some of the chunks; blocks.

        Raises:
            OSError: the file cannot be read any more.
        """
        with self.path.open("rb", buffering=0) as file:
            return [os.pread(file.fileno(), self.chunks[number][2], self.chunks[number][1]) for number in numbers]


def is_plain(path: Path) -> bool:
    """Tell whether a file is not compressed: two that differ a little are alike only then; raises ``OSError``.

    A compressed one could be taken apart too, by whoever can compress it again to the same bytes: a recipe's transform
    says how.
    """
    with path.open("rb") as file:
        return detect_compression(file.read(4)) == "none"
