"""Two releases of one thing, as tars whose headers all differ."""

from __future__ import annotations

import io
import random
import tarfile

FILES = 40
FILE_SIZE = 100_000


def release(number: int, *, changed: int = 3) -> bytes:
    """Return a tar in which ``changed`` files of ``FILES`` are other ones than in release 0."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for place in range(FILES):
            entry = tarfile.TarInfo(f"package/file{place}")
            seed = f"{number}-{place}" if place < changed and number else f"0-{place}"
            entry.size, entry.mtime = FILE_SIZE, 1_000_000 + number
            archive.addfile(entry, io.BytesIO(random.Random(seed).randbytes(FILE_SIZE)))
    return buffer.getvalue()
