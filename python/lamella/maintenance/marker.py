"""Marking: what was found to be needed, down to the chunks of recipes."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from lamella._core import DigestSet
from lamella.index import Place
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lamella.index import Blobs
    from lamella.maintenance.async_pace import AsyncPace
    from lamella.maintenance.references import Needs

ReadChunks: TypeAlias = Callable[[Digest], Awaitable[bytes]]
"""Returns the digests of the chunks that a cold blob is rebuilt from, 32 bytes each; none where it has just gone."""

DIGEST_BYTES: Final = 32

_PAGE: Final = 500 * DIGEST_BYTES
"""Bytes of digests that are looked up in one transaction."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """What is needed and not marked yet: digests of blobs (32 bytes each), and rows of manifests.

    ``stored`` is what the blobs take on the disk, in bytes.
    """

    blobs: bytes
    manifests: bytes
    stored: int


class Marker:
    """A set of blobs, with the chunks of cold and the sources of inflated ones, and a set of rows of ``manifests``."""

    def __init__(self, blobs: Blobs, read_chunks: ReadChunks, pace: AsyncPace) -> None:
        self._records = blobs
        self.read_chunks = read_chunks
        self.pace = pace
        self.blobs = DigestSet()
        self._manifests = DigestSet()

    async def fresh(self, needs: Needs, besides: DigestSet | None = None) -> Fresh:
        """Return what of ``needs`` is neither marked nor, as blobs, in ``besides``."""
        manifests = self._manifests.absent(b"".join(map(row_digest, needs.manifests)))
        return await self._fresh(b"".join(digest.raw for digest in needs.blobs), manifests, besides)

    def add(self, fresh: Fresh) -> None:
        """Mark what ``fresh`` returned."""
        self.blobs.add(fresh.blobs)
        self._manifests.add(fresh.manifests)

    async def fresh_blobs(self, digests: bytes) -> Fresh:
        """Return what of some blobs, 32 bytes each, is not marked."""
        return await self._fresh(digests, b"", None)

    def has_manifest(self, row: bytes) -> bool:
        """Tell whether a row of ``manifests`` is marked."""
        return not self._manifests.absent(row_digest(row))

    async def _fresh(self, digests: bytes, manifests: bytes, besides: DigestSet | None) -> Fresh:
        def absent(digests: bytes) -> bytes:
            absent = self.blobs.absent(digests)
            return absent if besides is None else besides.absent(absent)

        found, stored = DigestSet(), 0
        everything = [waiting := found.add(absent(digests))]
        while waiting:
            needed: list[bytes] = []
            for page in pages(waiting):
                for record in self._records.get_many(split(page)).values():
                    stored += record.stored
                    if record.place is Place.RECIPE:
                        needed.append(found.add(absent(await self.read_chunks(record.digest))))
                    elif record.source is not None:
                        needed.append(found.add(absent(record.source.raw)))
                await self.pace.pause()
            everything.append(waiting := b"".join(needed))
        return Fresh(b"".join(everything), manifests, stored)


def split(digests: bytes) -> Iterable[Digest]:
    """Return digests that lie one after the other."""
    return (Digest(digests[at : at + DIGEST_BYTES]) for at in range(0, len(digests), DIGEST_BYTES))


def pages(digests: bytes) -> Iterator[bytes]:
    """Yield digests that lie one after the other, as many at once as one transaction looks up."""
    return (digests[at : at + _PAGE] for at in range(0, len(digests), _PAGE))


def row_digest(row: bytes) -> bytes:
    """Return what stands for a row of ``manifests`` in a set of digests."""
    return hashlib.sha256(row).digest()
