"""Writes the table pigz_deflate.txt: ``python3 pigz_deflate.py > pigz_deflate.txt``, where pigz has zlib itself.

A line is a kind of content, its size in bytes, a level, and the first eight bytes of the SHA-256 of the stream that
pigz makes of it, on two processors. The contents are those of ``zlib_deflate.py``.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys

from zlib_deflate import KINDS, content

BLOCK = 1 << 17
SIZES = (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 500_000)
HEADER, TRAILER = 10, 8


def main() -> None:
    """Write the table."""
    for kind in KINDS:
        for size in SIZES:
            data = content(kind, size)
            for level in range(1, 10):
                command = ["pigz", "-n", "-p2", f"-{level}"]
                file = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
                digest = hashlib.sha256(file[HEADER:-TRAILER]).hexdigest()[:16]
                sys.stdout.write(f"{kind} {size} {level} {digest}\n")


if __name__ == "__main__":
    main()
