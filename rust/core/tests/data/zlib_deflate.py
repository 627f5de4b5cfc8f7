"""Writes the table zlib_deflate.txt: ``python3 zlib_deflate.py > zlib_deflate.txt``, where Python has zlib itself.

A line is a kind of content, its size in bytes, a level, a memory level, and the first eight bytes of the SHA-256 of
what zlib makes of it. ``../contents/mod.rs`` makes the same contents; ``go_deflate.go`` says what they are for.
"""

from __future__ import annotations

import hashlib
import sys
import zlib

KINDS = ("zeros", "random", "four", "words", "far", "skewed", "mixed")
SIZES = (0, 1, 3, 4, 5, 17, 127, 128, 261, 262, 263, 65535, 65536, 98304, 500000)
RAW = -15


class Random:
    """A linear congruential generator (Knuth, MMIX)."""

    def __init__(self) -> None:
        self.state = 1

    def below(self, limit: int) -> int:
        """Return the next number, less than ``limit``."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 33) % limit


def content(kind: str, size: int) -> bytes:
    """Return content of a kind."""
    random = Random()
    data = bytearray()
    while len(data) < size:
        piece, count = (KINDS[random.below(len(KINDS) - 1)], random.below(3000)) if kind == "mixed" else (kind, 1)
        for _ in range(count):
            add(data, piece, random)
    return bytes(data[:size])


def add(data: bytearray, kind: str, random: Random) -> None:
    """Append a little content of a kind."""
    match kind:
        case "random":
            data.append(random.below(256))
        case "four":
            data.append(random.below(4))
        case "words":
            word = random.below(1 + random.below(100))
            data += bytes(ord("a") + (word * 31 + letter * letter * 7) % 26 for letter in range(2 + word % 7)) + b" "
        case "far":
            distance = 32_500 + random.below(300)
            if len(data) < distance or random.below(10) == 0:
                data.append(random.below(256))
            else:
                for _ in range(3 + random.below(300)):
                    data.append(data[-distance])
        case "skewed":
            value = 0
            while value < 30 and random.below(2) == 0:
                value += 1
            data.append(value * 7)
        case _:
            data.append(0)


def main() -> None:
    """Write the table."""
    for kind in KINDS:
        for size in SIZES:
            data = content(kind, size)
            for level in range(1, 10):
                for memory in (8, 9):
                    encoder = zlib.compressobj(level, zlib.DEFLATED, RAW, memory)
                    output = encoder.compress(data) + encoder.flush()
                    digest = hashlib.sha256(output).hexdigest()[:16]
                    sys.stdout.write(f"{kind} {size} {level} {memory} {digest}\n")


if __name__ == "__main__":
    main()
