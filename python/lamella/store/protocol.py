"""The one protocol that keeps bytes; everything else in ``store`` implements or wraps it.

Obligations of every implementation (``tests/suites/blob_store.py`` checks them):

* A blob's content is invisible, to every method, until its writer's ``commit`` has returned.
* When ``commit`` returns, the blob survives a crash of the process and of the machine.
* Committing bytes that are already there succeeds and keeps one copy.
* A blob never changes. What ``open`` yields is exactly what was committed, whatever happens meanwhile: a reader that
  has received its first buffer receives all, even if the blob is deleted under it.
* Memory use does not grow with the size of a blob.
* The empty blob (``lamella.model.EMPTY``) always exists.
* Every method may be called from many tasks at once, all of one event loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager

    from typing_extensions import Buffer

    from lamella.errors import LamellaError
    from lamella.model import Digest

BUFFER_SIZE = 1 << 20
"""The most bytes that ``open`` yields at once, and a good size for ``write``."""


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """A blob that the store has: its name, and its size in bytes."""

    digest: Digest
    size: int


class BlobWriter(Protocol):
    """Bytes on their way into a store."""

    @property
    def size(self) -> int:
        """Bytes written so far."""

    async def write(self, buffer: Buffer) -> None:
        """Append bytes; the buffer is the caller's again when this returns.

        Raises:
            LimitExceeded: the blob would grow past the store's largest.
            StorageFull: there is no room for the bytes.
            ReadOnly: the disk did not take the bytes.
        """

    async def commit(self) -> Digest:
        """Make the bytes a durable, visible blob and return its name; further calls of any kind are errors.

        Raises:
            DigestMismatch: the writer was opened for another digest; nothing is stored.
            StorageFull: there is no room; nothing is stored.
            ReadOnly: the bytes could not be made durable.
        """


class BlobFiles(Protocol):
    """What a store also is that keeps blobs in files of their own: for who lets the kernel send them."""

    async def descriptor(self, digest: Digest) -> int | None:
        """Open the file of a blob, which holds its bytes and no others; None where the blob has none.

        The caller closes the descriptor, and may read it even when the blob is deleted meanwhile.

        Raises:
            NotFound: the store does not have the blob.
        """


class BlobStore(Protocol):
    """A set of immutable blobs."""

    async def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return those that the store does not have; present ones count as used now."""

    async def stat(self, digest: Digest) -> BlobInfo:
        """Describe one blob.

        Raises:
            NotFound: the store does not have it.
        """

    def open(self, digest: Digest, offset: int = 0, length: int | None = None) -> AsyncGenerator[Buffer, None]:
        """Yield a blob's bytes from ``offset``, at most ``length`` of them (all that follow where None).

        A length past the end is cut; an offset at the end yields nothing. Buffers are never empty. The generator
        must be closed (``aclosing``) where it is not exhausted.

        Raises:
            NotFound: at the first step, the store does not have the blob.
            OutOfRange: at the first step, ``offset`` is negative or past the end, or ``length`` negative.
            Corrupted: the store no longer has the bytes that were committed.
        """

    async def read_many(self, digests: Iterable[Digest]) -> dict[Digest, bytes | LamellaError]:
        """Return the bytes of blobs, or ``NotFound`` or ``Corrupted`` as ``open`` raises it for one of them.

        All are in memory at once: the caller knows that they are small. That costs less than to open each.
        """

    def writer(self, expected: Digest | None = None) -> AbstractAsyncContextManager[BlobWriter]:
        """Open a writer; leaving the context without ``commit`` discards what was written.

        Raises:
            ReadOnly: on entry, the store accepts no writes.
        """

    async def write_many(self, blobs: Mapping[Digest, Buffer]) -> dict[Digest, LamellaError]:
        """Store blobs that are in memory, which costs less than a writer for each; those there already count as used.

        Returns what keeps a blob from being stored, ``DigestMismatch`` or ``LimitExceeded``; all others are durable.

        Raises:
            StorageFull: there is no room; some may be stored.
            ReadOnly: the bytes could not be made durable; some may be stored.
        """

    async def delete(self, digest: Digest) -> bool:
        """Remove a blob and return True, or return False where there is none, or where it is the empty one.

        Raises:
            Leased: a lease covers it; it stays.
            ReadOnly: the store accepts no writes.
        """

    def walk(self) -> AsyncGenerator[BlobInfo, None]:
        """Yield every blob but the empty one in the order of digests; some that come or go meanwhile may be seen."""
