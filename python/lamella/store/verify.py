"""Hashes blobs as they are read, so that damaged bytes are never taken for good ones."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Protocol

from lamella._core import Sha256
from lamella.errors import Corrupted
from lamella.model import Digest
from lamella.store.wrapper import WrappedStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from typing_extensions import Buffer

    from lamella.errors import LamellaError
    from lamella.store.protocol import BlobStore

SMALL: Final = 64 << 10
"""The most bytes that are hashed where they are: to hand them to a thread would take longer."""


class Quarantine(Protocol):
    """Takes a damaged blob out of a store, as ``LocalStore.quarantine`` does."""

    async def __call__(self, digest: Digest, reason: str) -> None:
        """Take the blob out and keep it from being read again."""


class VerifyingStore(WrappedStore):
    """A ``BlobStore`` that checks blobs read from another before their last buffer leaves.

    A blob that is read in part cannot be checked, and is passed on as it is.
    """

    def __init__(self, inner: BlobStore, quarantine: Quarantine) -> None:
        super().__init__(inner)
        self._quarantine = quarantine

    async def open(self, digest: Digest, offset: int = 0, length: int | None = None) -> AsyncGenerator[Buffer, None]:
        """See ``BlobStore.open``.

        Raises:
            Corrupted: the bytes are not those of the digest; the last buffer is held back, the blob taken out.
        """
        whole = offset == 0 and (length is None or length >= (await self._inner.stat(digest)).size)
        sha256 = Sha256()
        held: Buffer | None = None
        async with aclosing(self._inner.open(digest, offset, length)) as buffers:
            async for buffer in buffers:
                if not whole:
                    yield buffer
                    continue
                if held is None and memoryview(buffer).nbytes <= SMALL:
                    sha256.update(buffer)
                    held = buffer
                    continue
                # Hashed while the buffer before it is on its way to whoever reads.
                hashing = asyncio.create_task(asyncio.to_thread(sha256.update, buffer))
                try:
                    if held is not None:
                        yield held
                finally:
                    await hashing
                held = buffer
        if whole and (actual := Digest(sha256.digest())) != digest:
            raise await self._damaged(digest, actual)
        if held is not None:
            yield held

    async def read_many(self, digests: Iterable[Digest]) -> dict[Digest, bytes | LamellaError]:
        """See ``BlobStore.read_many``."""
        found = await self._inner.read_many(digests)
        for digest, actual in (await asyncio.to_thread(_wrong, found)).items():
            found[digest] = await self._damaged(digest, actual)
        return found

    async def _damaged(self, digest: Digest, actual: Digest) -> Corrupted:
        reason = f"its bytes have {actual}"
        await self._quarantine(digest, reason)
        return Corrupted(digest, reason)


def _wrong(blobs: Mapping[Digest, bytes | LamellaError]) -> dict[Digest, Digest]:
    """Return the digests that bytes really have, by those that they should have and do not."""
    actual = {digest: Digest.of(data) for digest, data in blobs.items() if isinstance(data, bytes)}
    return {digest: found for digest, found in actual.items() if found != digest}
