"""Blobs that chunks are compressed against while they travel."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lamella._core import RecipeError
from lamella.errors import NotFound
from lamella.store.chunks import LostChunks
from lamella.store.inflater import RecipeContent
from lamella.store.local_reader import close_source
from lamella.store.recipes import OpenRecipe
from lamella.store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from typing_extensions import Buffer

    from lamella.index import BlobRecord
    from lamella.model import Digest
    from lamella.store.chunks import Chunks
    from lamella.store.local_reader import LocalReader, Source
    from lamella.store.remover import Remover

GAP: Final = 128 << 10
"""Bytes of a cold blob between two ranges that are rebuilt, too, rather than begin anew: half a frame of a pack."""


@dataclass(frozen=True, slots=True, order=True)
class ByteRange:
    """Some bytes of a blob: ``size`` of them, at least one, from ``offset`` on."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """Where the bytes end."""
        return self.offset + self.size


class Base:
    """A blob that is open, of ``size`` bytes: many ranges of it can be read at once, one call at a time."""

    def __init__(self, record: BlobRecord, source: Source, chunks: Chunks, remover: Remover, threads: Executor) -> None:
        self.size = record.size
        self._record = record
        self._source = source
        self._chunks = chunks
        self._remover = remover
        self._turns = Turns(threads)

    async def read(self, ranges: Sequence[ByteRange]) -> bytes:
        """Return the bytes of ranges that the blob has, one after the other.

        Raises:
            Corrupted: the blob cannot be read; it is set aside.
        """
        return await self._turns.run(self._read, ranges) if ranges else b""

    def close(self) -> None:
        """Close the blob, once nothing is read any more."""
        self._turns.close(lambda: close_source(self._source))

    def _read(self, ranges: Sequence[ByteRange]) -> bytes:
        parts: dict[ByteRange, bytearray] = {wanted: bytearray() for wanted in ranges}
        try:
            for span in _spans(parts):
                position = span[0].offset
                for buffer in self._content(position, max(wanted.end for wanted in span)):
                    view = memoryview(buffer)
                    for wanted in span:
                        parts[wanted] += view[max(wanted.offset - position, 0) : max(wanted.end - position, 0)]
                    position += len(view)
        except (LostChunks, RecipeError) as error:
            raise self._remover.condemn(self._record, error) from error
        data = b"".join([parts[wanted] for wanted in ranges])
        if len(data) != sum(wanted.size for wanted in ranges):
            raise self._remover.condemn(self._record, ValueError(f"it has not the {self.size} bytes that it had"))
        return data

    def _content(self, start: int, end: int) -> Iterable[Buffer]:
        if isinstance(self._source, OpenRecipe):
            return self._chunks.rebuild(self._source.recipe, start, end - start)
        if isinstance(self._source, bytes):
            return (self._source[start:end],)
        if isinstance(self._source, int):
            return (os.pread(self._source, end - start, start),)
        return self._source.buffers(start, end)


class Bases:
    """Opens blobs of a local store."""

    def __init__(self, reader: LocalReader, chunks: Chunks, remover: Remover, threads: Executor) -> None:
        self._reader = reader
        self._chunks = chunks
        self._remover = remover
        self._threads = threads

    @asynccontextmanager
    async def open(self, digest: Digest | None) -> AsyncIterator[Base | None]:
        """Give a blob, which counts as used; None where it is not there, or an encoder would have to make all of it.

        Raises:
            Corrupted: its recipe is damaged; it is set aside.
        """
        base = None if digest is None else await self._open(digest)
        try:
            yield base
        finally:
            if base is not None:
                base.close()

    async def _open(self, digest: Digest) -> Base | None:
        try:
            record, source = await self._reader.source(digest)
        except NotFound:
            return None
        if not _is_quick(source):
            close_source(source)
            return None
        return Base(record, source, self._chunks, self._remover, self._threads)


def _is_quick(source: Source) -> bool:
    """Tell whether a range of a blob can be had without all that comes before it."""
    if isinstance(source, OpenRecipe):
        return not source.recipe.transform
    return isinstance(source, bytes | int | RecipeContent)


def _spans(ranges: Iterable[ByteRange]) -> Iterator[list[ByteRange]]:
    """Group ranges of which the next begins at most ``GAP`` bytes after those before it."""
    span: list[ByteRange] = []
    end = 0
    for wanted in sorted(ranges):
        if span and wanted.offset > end + GAP:
            yield span
            span, end = [], 0
        span.append(wanted)
        end = max(end, wanted.end)
    if span:
        yield span
