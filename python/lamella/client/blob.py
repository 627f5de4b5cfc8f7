"""Blobs as a client has them: bytes in memory, or a file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamella import _core
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

MESSAGE_SIZE = 1 << 20
"""Blob bytes in one message (measured: smaller ones are a fifth slower, larger ones no faster)."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes with their digest and size; ``source`` is the file that holds them, or the bytes themselves."""

    digest: Digest
    size: int
    source: Path | bytes

    @classmethod
    def of_bytes(cls, data: bytes) -> Blob:
        """Name bytes."""
        return cls(Digest.of(data), len(data), data)

    @classmethod
    async def of_file(cls, path: Path) -> Blob:
        """Name a file's content; raises ``OSError`` where it cannot be read."""
        digest, size = await asyncio.to_thread(_core.hash_file, path)
        return cls(Digest(digest), size, path)

    async def read(self, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from ``offset`` in pieces of at most ``MESSAGE_SIZE``; raises ``OSError``."""
        if isinstance(self.source, bytes):
            for start in range(offset, len(self.source), MESSAGE_SIZE):
                yield self.source[start : start + MESSAGE_SIZE]
            return
        file = await asyncio.to_thread(self.source.open, "rb", buffering=0)
        try:
            file.seek(offset)
            while data := await asyncio.to_thread(file.read, MESSAGE_SIZE):
                yield data
        finally:
            file.close()
