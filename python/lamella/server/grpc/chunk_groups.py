"""Groups of chunks on their way, as both sides of a delta name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import Invalid, LimitExceeded
from lamella.store.bases import ByteRange
from lamella.wire.chunk_frames import MAX_BASE, MAX_GROUP, MAX_RANGES, MIN_BASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella._proto.lamella.v1 import delta_pb2 as pb
    from lamella.store.bases import Base
    from lamella.store.protocol import BlobInfo


class ChunkGroups:
    """Chunks in their order, from which groups are taken; ``field`` is the path of the groups, for errors."""

    def __init__(self, chunks: Sequence[BlobInfo], field: str) -> None:
        self._chunks = chunks
        self._field = field
        self._taken = 0

    @property
    def left(self) -> int:
        """How many chunks are in no group yet."""
        return len(self._chunks) - self._taken

    def take(self, group: pb.ChunkGroup) -> Sequence[BlobInfo]:
        """Return the chunks of the next group.

        Raises:
            Invalid: it has none, or more than are left.
            LimitExceeded: they have more bytes than a frame may have.
        """
        if not 1 <= group.chunks <= self.left:
            raise Invalid(f"{self._field}.chunks", f"is {group.chunks}, but {self.left} are left")
        chunks = self._chunks[self._taken : self._taken + group.chunks]
        size = total_size(chunks)
        if len(chunks) > 1 and size > MAX_GROUP:
            raise LimitExceeded("the bytes of several chunks in one frame", MAX_GROUP, size)
        self._taken += group.chunks
        return chunks

    def ranges(self, group: pb.ChunkGroup, base: Base) -> list[ByteRange]:
        """Return what a group's chunks are compressed against; none where that is too little to be of use.

        Raises:
            Invalid: a range is empty, or not within the base.
            LimitExceeded: there are too many, or they have too many bytes.
        """
        if len(group.base) > MAX_RANGES:
            raise LimitExceeded("ranges of a base for one frame", MAX_RANGES, len(group.base))
        ranges = [ByteRange(wanted.offset, wanted.size) for wanted in group.base]
        for number, wanted in enumerate(ranges):
            if wanted.offset < 0 or wanted.size < 1 or wanted.end > base.size:
                told = f"{wanted.size} bytes from {wanted.offset} on are not within {base.size}"
                raise Invalid(f"{self._field}.base[{number}]", told)
        size = sum(wanted.size for wanted in ranges)
        if size > MAX_BASE:
            raise LimitExceeded("the bytes of a base for one frame", MAX_BASE, size)
        return ranges if size >= MIN_BASE else []


def total_size(chunks: Sequence[BlobInfo]) -> int:
    """Return the bytes of chunks together."""
    return sum(chunk.size for chunk in chunks)
