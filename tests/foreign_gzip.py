"""gzip files of an encoder that nothing here has: zlib with tables smaller than anyone makes them."""

from __future__ import annotations

import zlib
from typing import Final

GZIP: Final = 31
"""A window of 32 KiB and gzip's header, as zlib names them."""

MEMORY_LEVEL: Final = 5


def foreign_gzip(content: bytes) -> bytes:
    """Return content compressed into a file that cannot be made again."""
    encoder = zlib.compressobj(level=6, wbits=GZIP, memLevel=MEMORY_LEVEL)
    return encoder.compress(content) + encoder.flush()
