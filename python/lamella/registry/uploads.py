"""Upload sessions: blobs that arrive over several requests, each of which another process may serve."""

from __future__ import annotations

import asyncio
import re
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from lamella.errors import LimitExceeded, UploadBusy
from lamella.model import Digest
from lamella.registry.errors import ChunkRefused, LengthMismatch, UploadUnknown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lamella.model import BlobName
    from lamella.registry.blobs import RepositoryBlobs
    from lamella.registry.names import Repository
    from lamella.store.protocol import BlobStore, BlobWriter
    from lamella.store.uploads import Upload, Uploads

BUSY_SECONDS: Final = 5.0
"""How long to wait for the request before, whose connection may have just broken."""

_BUSY_STEP: Final = 0.05
_ID = re.compile(r"[0-9a-f]{32}\Z")


class Connection(Protocol):
    """A connection that nothing but a chunk's bytes come from, so that a file can take them straight from it."""

    @property
    def descriptor(self) -> int:
        """Its non-blocking socket, once ``arrived`` is exhausted; good until the upload is left."""

    @property
    def left(self) -> int:
        """How many bytes are to come."""

    def arrived(self) -> AsyncIterator[bytes]:
        """Yield what was read from the socket already."""

    async def readable(self) -> None:
        """Wait until the socket has something, or its end."""

    def received(self, count: int) -> None:
        """Take note of how many bytes were read from the socket.

        Raises:
            ConnectionError: they are 0, which is its end.
        """


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes to append: where they start, if the client says so, and how many they are, if it says so.

    Where there is a ``connection``, they come from it and not from ``body``.
    """

    body: AsyncIterator[bytes]
    start: int | None = None
    length: int | None = None
    connection: Connection | None = None


class UploadSessions:
    """Sessions of all repositories; one that is unknown in a repository is unknown, whoever else has it."""

    def __init__(self, uploads: Uploads, store: BlobStore, blobs: RepositoryBlobs) -> None:
        self._uploads = uploads
        self._store = store
        self._blobs = blobs

    async def begin(self, repository: Repository) -> str:
        """Open a session and return its identifier."""
        session = uuid.uuid4().hex
        async with self._uploads.open(_partial(repository, session)):
            return session

    def size(self, repository: Repository, session: str) -> int:
        """Return how many bytes a session has.

        Raises:
            UploadUnknown: there is no such session.
        """
        size = self._uploads.size(_partial(repository, session))
        if size is None:
            raise UploadUnknown(session)
        return size

    async def append(self, repository: Repository, session: str, chunk: Chunk) -> int:
        """Append a chunk and return the session's size; what came of a chunk that breaks off is kept.

        Raises:
            UploadUnknown: there is no such session.
            UploadBusy: another request is still appending to it.
            ChunkRefused: the chunk does not start where the session ends; nothing was appended.
            LengthMismatch: the chunk is not as long as announced; the session is over.
            LimitExceeded: the blob would be too large; the session is over.
        """
        async with self._open(repository, session) as upload:
            await _receive(upload, session, chunk)
            return upload.size

    async def finish(self, repository: Repository, session: str, chunk: Chunk, name: BlobName) -> None:
        """Append a last chunk, which may be empty, and make the blob visible and durable; the session is over.

        Raises:
            DigestMismatch: the bytes have another digest; none are kept.
            DigestInvalid: see ``RepositoryBlobs.accept``.
            UploadUnknown, UploadBusy, ChunkRefused, LengthMismatch, LimitExceeded: as for ``append``.
        """
        async with self._open(repository, session) as upload:
            await _receive(upload, session, chunk)
            digest = await upload.commit(_expected(name))
        await self._blobs.accept(repository, name, digest)

    async def whole(self, repository: Repository, chunk: Chunk, name: BlobName) -> None:
        """Store a blob that comes in one request, without a session; durable on return.

        Raises:
            DigestMismatch, LengthMismatch, LimitExceeded: nothing was stored.
            DigestInvalid: see ``RepositoryBlobs.accept``.
        """
        async with self._store.writer(_expected(name)) as writer:
            await _copy(chunk, writer)
            digest = await writer.commit()
        await self._blobs.accept(repository, name, digest)

    async def cancel(self, repository: Repository, session: str) -> None:
        """Throw a session away.

        Raises:
            UploadUnknown: there is no such session.
            UploadBusy: a request is still appending to it.
        """
        async with self._open(repository, session) as upload:
            upload.discard()

    @asynccontextmanager
    async def _open(self, repository: Repository, session: str) -> AsyncIterator[Upload]:
        """Take a turn at a session, after the request before."""
        deadline = asyncio.get_running_loop().time() + BUSY_SECONDS
        while True:
            self.size(repository, session)
            try:
                async with self._uploads.open(_partial(repository, session)) as upload:
                    yield upload
                    return
            except UploadBusy:
                if asyncio.get_running_loop().time() > deadline:
                    raise UploadBusy(session) from None
            await asyncio.sleep(_BUSY_STEP)


def _expected(name: BlobName) -> Digest | None:
    """Return the digest that a blob must have, where its name tells."""
    return name if isinstance(name, Digest) else None


async def _receive(upload: Upload, session: str, chunk: Chunk) -> None:
    if chunk.start is not None and chunk.start != upload.size:
        raise ChunkRefused(session, upload.size, f"a chunk cannot start at {chunk.start}")
    try:
        if chunk.connection is None:
            await _copy(chunk, upload)
        else:
            await _take(chunk.connection, upload)
    except (LengthMismatch, LimitExceeded):
        upload.discard()
        raise


async def _copy(chunk: Chunk, writer: BlobWriter | Upload) -> None:
    """Append a chunk's bytes, if they are as many as it says."""
    before = writer.size
    async for buffer in chunk.body:
        await writer.write(buffer)
        if chunk.length is not None and writer.size - before > chunk.length:
            break
    if chunk.length is not None and writer.size - before != chunk.length:
        raise LengthMismatch(chunk.length, writer.size - before)


async def _take(connection: Connection, upload: Upload) -> None:
    """Append what comes from a connection."""
    async for buffer in connection.arrived():
        await upload.write(buffer)
    while connection.left:
        count = await upload.receive(connection.descriptor, connection.left)
        if count is None:
            await connection.readable()
        else:
            connection.received(count)


def _partial(repository: Repository, session: str) -> str:
    """Return what the store knows a session by: nobody else's identifier, and another in each repository.

    Raises:
        UploadUnknown: the identifier is none that ``begin`` could have given.
    """
    if _ID.match(session) is None:
        raise UploadUnknown(session)
    return f"oci-{Digest.of(repository.name.encode()).hex[:32]}-{session}"
