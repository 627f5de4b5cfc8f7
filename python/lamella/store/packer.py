"""Stores many small blobs at once: those of the fewest bytes in the index, the others in packs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from lamella.index import INLINE_MAX
from lamella.index.group_commit import GroupCommit, Job
from lamella.store.packs import PACK_SIZE, NewPack, Packs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from typing_extensions import Buffer

    from lamella.index import Blobs, Index
    from lamella.index.table import Transaction
    from lamella.model import Digest
    from lamella.store.layout import Layout

PACKED_MAX: Final = 256 << 10
"""The most bytes of a blob that goes into a pack: a frame holds no more."""

PACKED_LEAST: Final = 4
"""Blobs below which each becomes a file of its own, since a pack would cost as many syncs."""

_Job: TypeAlias = "Job[Mapping[Digest, Buffer], None]"


class Packer:
    """What several callers bring at one time shares a pack, its sync and a transaction."""

    def __init__(self, layout: Layout, index: Index, blobs: Blobs, packs: Packs) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._packs = packs
        self._group: GroupCommit[Mapping[Digest, Buffer], None] = GroupCommit(
            self._execute, f"the packer of {layout.root}"
        )

    def submit(self, blobs: Mapping[Digest, Buffer]) -> Future[None]:
        """Store blobs of 1 to ``PACKED_MAX`` bytes whose digests were checked; those that are there count as used.

        Raises (in the future):
            ReadOnly: the disk or the index failed, now or before.
            StorageFull: there is no room.
        """
        return self._group.submit(blobs)

    def close(self) -> None:
        """Finish what is queued."""
        self._group.close()

    def _execute(self, jobs: list[_Job]) -> None:
        new: list[NewPack] = []
        try:
            self._index.health.check()
            self._store({digest: data for job in jobs for digest, data in job.work.items()}, new)
        except Exception as error:  # noqa: BLE001 - every job hears of it, and the thread must go on to say so
            for pack in new:
                self._packs.discard(pack)
            for job in jobs:
                job.future.set_exception(error)
        else:
            for job in jobs:
                job.future.set_result(None)

    def _store(self, wanted: dict[Digest, Buffer], new: list[NewPack]) -> None:
        known = self._blobs.get_many(wanted)
        present = {digest for digest, record in known.items() if self._layout.has(record)}
        lost = known.keys() - present
        if present:
            present = self._index.submit(
                lambda txn: {digest for digest in present if self._blobs.use(txn, digest)}
            ).result()
        absent = {digest: data for digest, data in wanted.items() if digest not in present}
        inline = {digest: bytes(data) for digest, data in absent.items() if memoryview(data).nbytes <= INLINE_MAX}
        self._pack({digest: data for digest, data in absent.items() if digest not in inline}, new)

        def record(txn: Transaction) -> None:
            for digest in lost:
                found = self._blobs.find(txn, digest)
                # Looked at again: it may have come back meanwhile, with what is inflated from it.
                if found is not None and not self._layout.has(found):
                    self._blobs.remove(txn, digest)
            for pack in new:
                self._packs.record(txn, pack)
            for digest, data in inline.items():
                if not self._blobs.use(txn, digest):
                    self._blobs.put(txn, digest, len(data), data)

        if absent:
            self._index.submit(record).result()

    def _pack(self, blobs: dict[Digest, Buffer], new: list[NewPack]) -> None:
        """Write blobs into packs, durable, and append these to ``new``."""
        left = list(blobs.items())
        while left:
            writer = self._packs.writer()
            try:
                while left and writer.size < PACK_SIZE:
                    digest, data = left.pop()
                    self._packs.add(writer, digest, data)
                new.append(self._packs.publish(writer, self._packs.finish(writer)))
            finally:
                writer.close()
