"""zstd (RFC 8878) as the standard library has it from Python 3.14 on, and ``backports.zstd`` before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typing_extensions import Buffer

__all__ = ["compress_each", "zstd"]


def compress_each(blobs: Sequence[Buffer], level: int) -> Iterator[bytes | None]:
    """Yield a frame for each blob, None where it would be no smaller."""
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.compression_level: level})
    for data in blobs:
        frame = compressor.compress(data, zstd.ZstdCompressor.FLUSH_FRAME)
        yield frame if len(frame) < memoryview(data).nbytes else None
