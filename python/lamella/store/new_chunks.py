"""Chunks of one blob on their way into packs."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from lamella.model import Digest
from lamella.store.chunks import is_chunk
from lamella.store.packs import PACK_SIZE, PackedChunk, Packs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from typing_extensions import Buffer

    from lamella._core import ChunkBatch, PackWriter
    from lamella.index import Blobs


class NewChunks:
    """Writes those chunks that the store does not have; a full pack is recorded at once, so that memory is bounded.

    ``spare`` gives room for bytes that are about to be stored, or raises; not needed where that was seen to before.
    Every method blocks, and raises ``StorageFull`` and ``ReadOnly`` as ``Packs`` does.
    """

    def __init__(
        self, packs: Packs, blobs: Blobs, spare: Callable[[int], AbstractContextManager[object]] = nullcontext
    ) -> None:
        self._packs = packs
        self._blobs = blobs
        self._spare = spare
        self._writer: PackWriter | None = None
        self._chunks: list[PackedChunk] = []
        self._written: set[Digest] = set()
        self._published = 0

    @property
    def stored(self) -> int:
        """Compressed bytes of the chunks that were not there before."""
        return self._published + (0 if self._writer is None else self._writer.size)

    def add_batch(self, batch: ChunkBatch) -> None:
        """Write chunks as a chunker gives them."""
        wanted = self._new(Digest.split(batch.digests))
        if wanted:
            self._packs.add_chunks(self._open(), batch, wanted)
            self._publish_full()

    def add(self, chunks: Mapping[Digest, Buffer]) -> None:
        """Write chunks of 1 to ``PACKED_MAX`` bytes each, whose digests were checked."""
        names = list(chunks)
        for place in self._new(names):
            self._packs.add(self._open(), names[place], chunks[names[place]])
        self._publish_full()

    def finish(self) -> None:
        """Write what is left of the chunks so far; ``stored`` is exact then."""
        if self._writer is not None:
            self._chunks = self._packs.finish(self._writer)

    def publish(self) -> None:
        """Let the finished chunks be read."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            with self._spare(writer.size):
                new = self._packs.publish(writer, self._chunks)
                self._packs.keep(new)
        finally:
            writer.close()
        self._published += new.size
        self._written.clear()

    def close(self) -> None:
        """Throw away what is not published."""
        if self._writer is not None:
            self._writer.close()

    def _new(self, names: Sequence[Digest]) -> list[int]:
        """Return the places of those chunks that are neither stored nor written, each once."""
        known = self._blobs.get_many(set(names) - self._written)
        wanted = []
        for place, name in enumerate(names):
            if name not in self._written and not is_chunk(known.get(name)):
                self._written.add(name)
                wanted.append(place)
        return wanted

    def _open(self) -> PackWriter:
        if self._writer is None:
            self._writer = self._packs.writer()
        return self._writer

    def _publish_full(self) -> None:
        if self._writer is None:
            return
        with self._spare(self._writer.size):
            pass  # Given up before more is written that will not fit.
        if self._writer.size >= PACK_SIZE:
            self.finish()
            self.publish()
