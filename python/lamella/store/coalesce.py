"""Writes a blob once that several upload at the same time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from lamella.errors import NotFound
from lamella.store.wrapper import WrappedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from typing_extensions import Buffer

    from lamella.model import Digest
    from lamella.store.protocol import BlobStore, BlobWriter

PATIENCE: Final = 10.0
"""Seconds with too few bytes from whoever writes a blob, after which those who wait write it themselves."""

LEAST_RATE: Final = 1 << 20
"""Bytes a second that are not too few: nobody's upload is to last as long as that of a client on a slow line."""


class CoalescingStore(WrappedStore):
    """A ``BlobStore`` where, of writers opened for one digest, the first writes, and the others wait for it.

    They wait in their first ``write``, so that they still have all bytes if the first gives up: then one of them takes
    over. Once the blob is there, they throw their bytes away. Writers in other processes are not known here.
    """

    def __init__(self, inner: BlobStore, *, patience: float = PATIENCE) -> None:
        super().__init__(inner)
        self._patience = patience
        self._leaders: dict[Digest, _Leader] = {}

    @asynccontextmanager
    async def writer(self, expected: Digest | None = None) -> AsyncIterator[BlobWriter]:
        """See ``BlobStore.writer``."""
        async with self._inner.writer(expected) as inner:
            if expected is None:
                yield inner
                return
            writer = _Writer(self._inner, inner, expected, self._leaders, self._patience)
            try:
                yield writer
            finally:
                writer.give_up()


class _Leader:
    """Who writes a blob, as those who wait see it."""

    def __init__(self, writer: BlobWriter) -> None:
        self.writer = writer
        self.stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def wait(self, patience: float) -> bool | None:
        """Return whether the blob was stored; None where too little moves."""
        while True:
            before = self.writer.size
            await asyncio.wait({self.stored}, timeout=patience)
            if self.stored.done():
                return self.stored.result()
            if self.writer.size - before < LEAST_RATE * patience:
                return None


class _Writer:
    """A ``BlobWriter`` that decides with its first bytes whether it writes or waits."""

    def __init__(
        self, store: BlobStore, inner: BlobWriter, digest: Digest, leaders: dict[Digest, _Leader], patience: float
    ) -> None:
        self._store = store
        self._inner = inner
        self._digest = digest
        self._leaders = leaders
        self._patience = patience
        self._leading: _Leader | None = None
        self._decided = False
        self._stored = False
        self._discarded = 0
        self._over = False

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._inner.size + self._discarded

    async def write(self, buffer: Buffer) -> None:
        """See ``BlobWriter.write``."""
        await self._decide()
        if self._stored:
            self._discarded += memoryview(buffer).nbytes
        else:
            await self._inner.write(buffer)

    async def commit(self) -> Digest:
        """See ``BlobWriter.commit``.

        Raises:
            NotFound: the blob that another stored meanwhile was deleted again.
        """
        await self._decide()
        if not self._stored:
            digest = await self._inner.commit()
            self._settle(stored=True)
            return digest
        self._over = True
        if await self._store.missing([self._digest]):
            raise NotFound(self._digest)
        return self._digest

    def give_up(self) -> None:
        """Let another one write, unless the blob is stored."""
        self._settle(stored=False)

    async def _decide(self) -> None:
        if self._over:
            raise RuntimeError("the writer was committed")
        while not self._decided:
            leader = self._leaders.get(self._digest)
            if leader is None:
                self._leading = self._leaders[self._digest] = _Leader(self._inner)
                self._decided = True
                return
            stored = await leader.wait(self._patience)
            self._stored = stored is True
            self._decided = stored is not False

    def _settle(self, *, stored: bool) -> None:
        if self._leading is not None:
            del self._leaders[self._digest]
            self._leading.stored.set_result(stored)
            self._leading = None
