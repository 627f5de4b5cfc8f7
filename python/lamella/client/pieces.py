"""A blob as a list of pieces: chunks that other blobs may have too, and what is between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamella import _core
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SMALLEST = 1 << 20
"""Bytes: smaller blobs go whole, in fewer calls than their chunks would take."""

BATCH_SIZE = 2 << 20
BATCH_PIECES = 1000
"""Bytes, and pieces, that are sent or asked for in one message; ``BATCH_SIZE`` is also the largest piece."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``size`` bytes of a blob from ``offset``; a ``literal`` is in no other blob, as far as one can tell."""

    digest: Digest
    offset: int
    size: int
    literal: bool = False


def cut_file(path: Path) -> tuple[Digest, list[Piece]]:
    """Return a file's digest and its pieces in order, cut as the server would; blocks.

    Raises:
        OSError: the file cannot be read.
    """
    chunker = _core.Chunker(path)
    while chunker.next() is not None:
        pass
    recipe = _core.Recipe(chunker.recipe())
    ids = recipe.chunks()
    chunks = {ids[start : start + 32] for start in range(0, len(ids), 32)}
    pieces, offset = [], 0
    for raw, size in recipe.pieces():
        pieces.append(Piece(Digest(raw), offset, size, literal=raw not in chunks))
        offset += size
    return Digest(recipe.digest), pieces


def is_plain(path: Path) -> bool:
    """Tell whether a file is not compressed: two that differ a little are alike only then; raises ``OSError``.

    A compressed one could be taken apart too, by whoever can compress it again to the same bytes: a recipe's transform
    says how.
    """
    with path.open("rb") as file:
        return _core.detect_compression(file.read(4)) == "none"


def batches(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Group pieces for messages, each digest once."""
    batch: list[Piece] = []
    size, seen = 0, set()
    for piece in pieces:
        if piece.digest in seen:
            continue
        seen.add(piece.digest)
        if batch and (len(batch) == BATCH_PIECES or size + piece.size > BATCH_SIZE):
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += piece.size
    if batch:
        yield batch
