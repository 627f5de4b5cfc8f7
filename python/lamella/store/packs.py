"""Files of packs: written once under a name that nobody has, never changed, opened for as long as one read takes."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from lamella._core import PackWriter, sync_directory
from lamella.errors import ReadOnly
from lamella.index import Location, PackTable
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from lamella._core import ChunkBatch
    from lamella.index import Blobs, Index
    from lamella.index.table import Transaction
    from lamella.store.layout import Layout

PACK_SIZE: Final = 64 << 20
"""Compressed bytes at which a pack is finished and the next one begun."""

PackedChunk: TypeAlias = tuple[bytes, int, int, int, int, int]
"""Digest, size, offset and length of the frame in the pack, its size uncompressed, offset in the frame."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A blob in a new pack: its size in bytes, and where it is."""

    digest: Digest
    size: int
    location: Location


@dataclass(frozen=True, slots=True)
class NewPack:
    """A pack whose file is durable, and that the index does not know yet."""

    pack: int
    size: int
    blobs: list[Packed]


class Packs:
    """Every method blocks."""

    def __init__(self, layout: Layout, index: Index, blobs: Blobs) -> None:
        self._layout = layout
        self._index = index
        self._health = index.health
        self._blobs = blobs
        self._table = PackTable(index)

    def writer(self) -> PackWriter:
        """Begin a pack; whoever does so closes the writer.

        Raises:
            StorageFull: there is no room for a file.
        """
        try:
            return PackWriter(self._layout.temporary)
        except OSError as error:
            self._health.write_failed(error)

    def add_chunks(self, writer: PackWriter, batch: ChunkBatch, wanted: list[int]) -> None:
        """Append some chunks of a batch, by their places in it; raises as ``add``."""
        try:
            writer.add(batch, wanted)
        except OSError as error:
            self._health.write_failed(error)

    def add(self, writer: PackWriter, digest: Digest, data: Buffer) -> None:
        """Append a blob.

        Raises:
            StorageFull: there is no room.
            ReadOnly: the disk did not take the bytes.
        """
        try:
            writer.add_blob(digest.raw, data)
        except OSError as error:
            self._health.write_failed(error)

    def finish(self, writer: PackWriter) -> list[PackedChunk]:
        """Make the bytes of a pack durable, and return what is in it; ``writer.size`` is its final size then.

        Raises:
            StorageFull: there is no room.
            ReadOnly: the pack could not be made durable.
        """
        try:
            return writer.finish()
        except OSError as error:
            self._health.sync_failed(error)

    def publish(self, writer: PackWriter, chunks: list[PackedChunk]) -> NewPack:
        """Give a finished pack a name of its own, durably; nothing is in it for readers until it is recorded.

        Raises:
            StorageFull: there is no room for the name.
            ReadOnly: the name could not be made durable.
        """
        size, pack = writer.size, secrets.randbits(64)
        try:
            if not writer.publish(self._layout.pack(pack)):
                raise FileExistsError(self._layout.pack(pack))
        except OSError as error:
            self._health.write_failed(error)
        try:
            sync_directory(self._layout.packs)
        except OSError as error:
            self._health.folder_sync_failed(self._layout.packs, error)
        blobs = [Packed(Digest(raw), length, Location(pack, *place)) for raw, length, *place in chunks]
        return NewPack(pack, size, blobs)

    def keep(self, new: NewPack) -> None:
        """Record a pack in a transaction of its own, or remove its file where that fails.

        Raises:
            StorageFull: there is no room in the index.
            ReadOnly: the index could not be written.
        """
        try:
            self._index.submit(lambda txn: self.record(txn, new)).result()
        except BaseException:
            self.discard(new)
            raise

    def record(self, txn: Transaction, new: NewPack) -> None:
        """Let the blobs of a pack be read from it, but for those that are somewhere already."""
        self._table.put(txn, new.pack, new.size)
        for blob in new.blobs:
            self._blobs.put_packed(txn, blob.digest, blob.size, blob.location)

    def remove(self, pack: int) -> None:
        """Remove the file of a pack that no record points into; reads that are under way go on."""
        self._layout.pack(pack).unlink(missing_ok=True)

    def discard(self, new: NewPack) -> None:
        """Take back a pack that could not be recorded, unless it was, or nobody can tell."""
        with suppress(ReadOnly):
            if self._index.submit(partial(self._table.find, pack=new.pack)).result() is None:
                self.remove(new.pack)

    @contextmanager
    def opened(self, packs: Iterable[int]) -> Iterator[dict[int, int]]:
        """Give a descriptor of each pack until the context is left.

        Raises:
            FileNotFoundError: one is gone, with its path.
        """
        with ExitStack() as stack:
            descriptors: dict[int, int] = {}
            for pack in packs:
                descriptors[pack] = os.open(self._layout.pack(pack), os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(os.close, descriptors[pack])
            yield descriptors
