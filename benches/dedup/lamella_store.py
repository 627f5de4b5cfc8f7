"""Lamella's own store as the one that is measured: each layer is pushed, and turned cold before the next one comes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from benches.dedup.sizes import folder_total, total
from lamella._core import Sha256, read_pack_footer
from lamella.store import BUFFER_SIZE, LocalStore
from lamella.store.layout import PACK_SUFFIX, Layout

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.model import Digest


@dataclass(frozen=True)
class Parts:
    """The bytes of a store's folder by what they are for, and how many chunks there are."""

    frames: int = 0
    footers: int = 0
    recipes: int = 0
    whole: int = 0
    index: int = 0
    chunks: int = 0
    chunk_bytes: int = 0

    @property
    def total(self) -> int:
        """All bytes on the disk."""
        return self.frames + self.footers + self.recipes + self.whole + self.index

    def __add__(self, other: Parts) -> Parts:
        return Parts(*(ours + theirs for ours, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


class LamellaStore:
    """A store in ``folder``; every method blocks."""

    def __init__(self, folder: Path) -> None:
        self._layout = Layout(folder)
        self._store = LocalStore(folder)
        self._pushed: list[Digest] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def add(self, path: Path) -> bool:
        """Push a file and tell whether it could turn cold."""
        digest = asyncio.run(self._push(path))
        self._pushed.append(digest)
        outcome = self._store.compactor.compact(digest)
        return outcome is not None and outcome.kept is None

    def check(self) -> None:
        """Read everything back.

        Raises:
            AssertionError: some bytes are not those that were pushed.
        """
        for digest in self._pushed:
            asyncio.run(self._check(digest))

    def parts(self) -> Parts:
        """Measure the folder."""
        packs = list(self._layout.packs.glob(f"*{PACK_SUFFIX}"))
        chunks = [chunk for pack in packs for chunk in read_pack_footer(pack)]
        frames = sum(_frames(pack) for pack in packs)
        return Parts(
            frames=frames,
            footers=total(packs) - frames,
            recipes=folder_total(self._layout.recipes),
            whole=folder_total(self._layout.blobs),
            index=folder_total(self._layout.index),
            chunks=len(chunks),
            chunk_bytes=sum(size for _, size, *_ in chunks),
        )

    async def _push(self, path: Path) -> Digest:
        async with self._store.writer() as writer:
            with path.open("rb") as file:
                while block := file.read(BUFFER_SIZE):
                    await writer.write(block)
            return await writer.commit()

    async def _check(self, digest: Digest) -> None:
        sha256 = Sha256()
        async with aclosing(self._store.open(digest)) as buffers:
            async for buffer in buffers:
                sha256.update(buffer)
        assert sha256.digest() == digest.raw, digest


def _frames(pack: Path) -> int:
    """Return the bytes of a pack's frames: all but its header and its footer."""
    return sum({offset: length for _, _, offset, length, _, _ in read_pack_footer(pack)}.values())
