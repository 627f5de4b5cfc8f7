"""Reading the digests that one manifest names."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from lamella.model import Digest, Sha512
from lamella.registry.names import read_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.model import BlobName

Find: TypeAlias = "Callable[[Sha512], Digest | None]"
"""Tells which blob was stored with a SHA-512, such as ``Sha512Names.find``."""


class DigestReader:
    """Gives a digest for each name; a SHA-512 that ``find`` does not know gets its stand-in, and is ``unknown``."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self.named: dict[Digest, Sha512] = {}
        """What was named by its SHA-512."""
        self.unknown: set[Digest] = set()
        """What stands for a SHA-512 that ``find`` does not know, also where something is stored under it."""

    def read(self, text: str) -> Digest:
        """Return the digest that a text means.

        Raises:
            ValueError: the text is no digest.
        """
        name = read_name(text)
        if isinstance(name, Digest):
            return name
        digest = self._find(name)
        if digest is None:
            digest = name.stand_in
            self.unknown.add(digest)
        self.named[digest] = name
        return digest

    def name(self, digest: Digest) -> BlobName:
        """Return what the manifest calls a digest."""
        return self.named.get(digest, digest)
