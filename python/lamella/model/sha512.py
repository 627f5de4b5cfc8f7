"""The other name of immutable bytes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

from lamella.model.digest import Digest

if TYPE_CHECKING:
    from typing_extensions import Buffer

_TEXT = re.compile(r"sha512:([0-9a-f]{128})\Z")


@dataclass(frozen=True, slots=True, order=True)
class Sha512:
    """The SHA-512 of some bytes: a name that clients may give to what is stored under its ``Digest``.

    Invariant: ``raw`` is exactly 64 bytes. The text form is ``sha512:`` and 128 lower-case hexadecimal digits
    (OCI Image Specification 1.1, "Digests").
    """

    SIZE: ClassVar[int] = 64
    """Bytes of ``raw``."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != self.SIZE:
            raise ValueError(f"a SHA-512 has {self.SIZE} bytes, not {len(self.raw)}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sha512:<128 lower-case hex digits>``.

        Raises:
            ValueError: the text is of any other form; the message quotes it.
        """
        match = _TEXT.match(text)
        if match is None:
            raise ValueError(f"not a digest: {text[:150]!r} (expected 'sha512:' and 128 lower-case hex digits)")
        return cls(bytes.fromhex(match[1]))

    @classmethod
    def of(cls, data: Buffer) -> Self:
        """Hash a small value held in memory."""
        return cls(hashlib.sha512(data).digest())

    @property
    def stand_in(self) -> Digest:
        """The SHA-256 of the text form: what stands for this name where only a digest can; other bytes may have it."""
        return Digest.of(str(self).encode())

    def __str__(self) -> str:
        return f"sha512:{self.raw.hex()}"


BlobName: TypeAlias = Digest | Sha512
"""What clients may call a blob."""
