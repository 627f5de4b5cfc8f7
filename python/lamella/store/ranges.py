"""The part of a blob that ``open`` was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import OutOfRange

if TYPE_CHECKING:
    from lamella.model import Digest


def range_end(digest: Digest, size: int, offset: int, length: int | None) -> int:
    """Return where a range ends, cut at the end of the blob.

    Raises:
        OutOfRange: the offset does not lie within the blob, or the length is negative.
    """
    if not 0 <= offset <= size:
        raise OutOfRange(digest, offset, size)
    if length is None:
        return size
    if length < 0:
        raise OutOfRange(digest, offset + length, size)
    return min(size, offset + length)
