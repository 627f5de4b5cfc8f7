"""The name of immutable bytes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from typing_extensions import Buffer

_TEXT = re.compile(r"sha256:([0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The SHA-256 of some bytes.

    Invariant: ``raw`` is exactly 32 bytes. The text form is ``sha256:`` and 64 lower-case hexadecimal digits
    (OCI Image Specification 1.1, "Digests"); no other algorithm is accepted.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise ValueError(f"a SHA-256 digest has 32 bytes, not {len(self.raw)}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sha256:<64 lower-case hex digits>``.

        Raises:
            ValueError: the text is of any other form; the message quotes it.
        """
        match = _TEXT.match(text)
        if match is None:
            raise ValueError(f"not a digest: {text[:100]!r} (expected 'sha256:' and 64 lower-case hex digits)")
        return cls(bytes.fromhex(match[1]))

    @classmethod
    def of(cls, data: Buffer) -> Self:
        """Hash a small value held in memory; streams and files go through ``lamella._core``."""
        return cls(hashlib.sha256(data).digest())

    @classmethod
    def split(cls, raw: bytes) -> list[Self]:
        """Return the digests whose 32 bytes each follow one another."""
        return [cls(raw[start : start + 32]) for start in range(0, len(raw), 32)]

    @property
    def hex(self) -> str:
        """64 lower-case hexadecimal digits, without the algorithm."""
        return self.raw.hex()

    def __str__(self) -> str:
        return f"sha256:{self.raw.hex()}"


EMPTY = Digest.of(b"")
"""The digest of no bytes at all: a blob that every store has."""
