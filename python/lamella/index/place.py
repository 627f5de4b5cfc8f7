"""Where the bytes of a blob are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Place(IntEnum):
    """The numbers are part of the index's format; see ``docs/formats.md``, "Tables"."""

    FILE = 0
    """In a file of their own: the blob is hot."""
    INLINE = 1
    """In the index."""
    PACKED = 2
    """In a frame of a pack: the blob is a chunk, or came as one of many small ones."""
    RECIPE = 3
    """In chunks that a recipe names: the blob is cold."""
    INFLATED = 4
    """Nowhere: the blob is what another one holds compressed, and is inflated when it is read."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a packed blob is; offsets and lengths are in bytes."""

    pack: int
    """Id of the pack, 64 bits."""
    frame_offset: int
    """Where its compressed frame begins in the pack."""
    frame_length: int
    """Compressed bytes of the frame."""
    frame_size: int
    """Bytes of the frame once it is decompressed."""
    offset: int
    """Where the blob begins in the decompressed frame."""

    @property
    def frame(self) -> tuple[int, int]:
        """The frame: id of the pack, and where it begins there."""
        return self.pack, self.frame_offset

    def share(self, size: int) -> int:
        """Return how many bytes of the compressed frame belong to a blob of ``size`` bytes, rounded up."""
        return -(-self.frame_length * size // self.frame_size)
