"""Chunks on their way: zstd frames that may refer to bytes of a blob that both sides have; and sets of chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lamella.errors import Invalid
from lamella.wire.zstd import zstd

if TYPE_CHECKING:
    from collections.abc import Collection

    from typing_extensions import Buffer

MAX_GROUP: Final = 1 << 20
"""The most bytes of the chunks in one frame, unless it is one chunk."""

MAX_BASE: Final = 4 << 20
"""The most bytes of the base that a frame may refer to."""

MAX_RANGES: Final = 1024
"""The most ranges of the base that a frame may refer to."""

MIN_BASE: Final = 8
"""Fewer bytes of a base are none: zstd takes no smaller prefix."""

MAX_PART: Final = 1 << 20
"""The most bytes of a recipe in one message."""

MAX_RECIPE: Final = 32 << 20
"""The largest recipe that is moved, in bytes: about that of a layer of 20 GB."""

WINDOW_LOG: Final = 23
"""Bytes (as their binary logarithm) that a frame's matches reach back: those of group and base."""

HASH_LOG: Final = 18
"""Positions (as their binary logarithm) that are remembered: level 3 alone would forget most of the base."""

LEVEL: Final = 3

_Parameter = zstd.CompressionParameter


def compress_chunks(data: Buffer, base: bytes) -> bytes:
    """Return a frame of ``data``, whose matches may be in ``base``, which may be empty."""
    options: dict[int, int] = {_Parameter.compression_level: LEVEL}
    prefix = _prefix(base)
    if prefix is None:
        return zstd.compress(data, options=options)
    options |= {_Parameter.window_log: WINDOW_LOG, _Parameter.hash_log: HASH_LOG, _Parameter.chain_log: HASH_LOG}
    compressor = zstd.ZstdCompressor(options=options, zstd_dict=prefix)
    return compressor.compress(data, zstd.ZstdCompressor.FLUSH_FRAME)


def decompress_chunks(frame: bytes, size: int, base: bytes) -> bytes:
    """Return the ``size`` bytes that a frame holds.

    Raises:
        Invalid: it is no zstd frame, or holds another number of bytes; it is not decompressed further than that.
    """
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
    decompressor = zstd.ZstdDecompressor(zstd_dict=_prefix(base), options=options)
    try:
        data = decompressor.decompress(frame, size + 1)
    except zstd.ZstdError as error:
        raise Invalid("data", f"is not the zstd frame that it should be: {error}") from None
    if len(data) != size or not decompressor.eof or decompressor.unused_data:
        raise Invalid("data", f"is not a zstd frame of {size} bytes")
    return data


def to_bitmap(numbers: Collection[int], count: int) -> bytes:
    """Return a set of numbers below ``count``: number n is bit n mod 8, counted from the lowest, of byte n / 8."""
    bits = bytearray((count + 7) // 8)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return bytes(bits)


def from_bitmap(bits: bytes, count: int) -> list[int]:
    """Return the numbers in a bitmap in their order.

    Raises:
        Invalid: it has another length than one for ``count`` numbers, or has higher numbers.
    """
    if len(bits) != (count + 7) // 8:
        raise Invalid("missing", f"has {len(bits)} bytes, but there are {count} chunks")
    numbers = [place * 8 + bit for place, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1]
    if numbers and numbers[-1] >= count:
        raise Invalid("missing", f"has chunk {numbers[-1]}, but there are {count}")
    return numbers


def _prefix(base: bytes) -> tuple[zstd.ZstdDict, int] | None:
    if len(base) < MIN_BASE:
        return None
    return zstd.ZstdDict(base, is_raw=True).as_prefix
