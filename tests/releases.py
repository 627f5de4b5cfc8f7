"""Releases of one thing that have most in common, as tars whose headers all differ."""

from __future__ import annotations

import io
import random
import tarfile

FILES = 40
FILE_SIZE = 100_000

_SEVEN_BITS = bytes(byte & 0x7F for byte in range(256))


def release(number: int, *, changed: int = 3, size: int = FILE_SIZE) -> bytes:
    """Return a tar in which ``changed`` files of ``FILES``, of ``size`` bytes, are other ones than in release 0.

    An eighth of its contents is redundant: enough for it to turn cold.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for place in range(FILES):
            entry = tarfile.TarInfo(f"package/file{place}")
            seed = f"{number}-{place}" if place < changed else f"0-{place}"
            entry.size, entry.mtime = size, 1_000_000 + number
            archive.addfile(entry, io.BytesIO(random.Random(seed).randbytes(size).translate(_SEVEN_BITS)))
    return buffer.getvalue()


def patched(data: bytes, every: int = 5000) -> bytes:
    """Return a tar's bytes with one of ``every`` so many changed within each of its contents: no chunk stays."""
    changed = bytearray(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive:
            for offset in range(entry.offset_data, entry.offset_data + entry.size, every):
                changed[offset] ^= 1
    return bytes(changed)
