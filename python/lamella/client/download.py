"""Downloads over ByteStream: to a file, verified as they stream, resumed where they broke off."""

from __future__ import annotations

import asyncio
import io
from typing import IO, TYPE_CHECKING

from lamella import _core
from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella.errors import DigestMismatch, LimitExceeded, SizeMismatch
from lamella.layers.replace_file import replace_file
from lamella.model import Digest
from lamella.wire.blob import BlobName
from lamella.wire.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from lamella.client.connection import Connection


async def download_file(
    connection: Connection,
    blob: BlobName,
    path: Path,
    progress: Callable[[int], None],
    begin: Callable[[BlobName, Target], Awaitable[None]] | None = None,
) -> None:
    """Write a blob to ``path``, which appears complete and verified, in place of what was there, or not at all.

    ``begin`` may write its first bytes, or all, from elsewhere.

    Raises:
        Missing: the server does not have it.
        SizeMismatch, DigestMismatch: the server sent something else.
        ClientError: the call failed otherwise.
        OSError: the file cannot be written.
    """
    with replace_file(path) as file:
        target = Target(file)
        if begin is not None:
            await begin(blob, target)
        await _receive(connection, blob, target, progress)


async def download_bytes(connection: Connection, digest: Digest, size: int, most: int) -> bytes:
    """Return a small blob.

    Raises:
        LimitExceeded: it has more than ``most`` bytes.
        ClientError, SizeMismatch, DigestMismatch: as above.
    """
    if size > most:
        raise LimitExceeded(f"blob {digest} in bytes", most, size)
    file = io.BytesIO()
    await _receive(connection, BlobName(digest, size), Target(file), lambda _: None)
    return file.getvalue()


async def download_start(connection: Connection, blob: BlobName, length: int) -> bytes:
    """Return the first ``length`` bytes of a blob, or all of a shorter one; nothing verifies them.

    Raises:
        Missing: the server does not have it.
        ClientError: the call failed otherwise.
    """
    resource = str(Resource(blob, connection.instance))

    async def attempt() -> bytes:
        request = stream.ReadRequest(resource_name=resource, read_limit=length)
        connection.traffic.sent += request.ByteSize()
        data = b""
        async for message in ByteStreamStub(connection.channel).Read(request, metadata=connection.metadata):
            connection.traffic.received += message.ByteSize()
            data += message.data
        return data

    return await connection.retry(attempt)


class Target:
    """A file that hashes what is appended to it; ``size`` is in bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = _core.Sha256()
        self.size = 0

    def append(self, data: bytes) -> None:
        """Write and hash bytes; blocks."""
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def digest(self) -> Digest:
        """Return the digest of everything so far."""
        return Digest(self._hash.digest())


async def _receive(connection: Connection, blob: BlobName, target: Target, progress: Callable[[int], None]) -> None:
    stub = ByteStreamStub(connection.channel)
    resource = str(Resource(blob, connection.instance))

    async def attempt() -> None:
        request = stream.ReadRequest(resource_name=resource, read_offset=target.size)
        connection.traffic.sent += request.ByteSize()
        call = stub.Read(request, metadata=connection.metadata)
        try:
            async for message in call:
                connection.traffic.received += message.ByteSize()
                if target.size + len(message.data) > blob.size:
                    raise SizeMismatch(blob.digest, blob.size, target.size + len(message.data))
                await asyncio.to_thread(target.append, message.data)
                progress(len(message.data))
        finally:
            call.cancel()

    if target.size < blob.size:
        await connection.retry(attempt, lambda: target.size)
    if target.size != blob.size:
        raise SizeMismatch(blob.digest, blob.size, target.size)
    if target.digest() != blob.digest:
        raise DigestMismatch(blob.digest, target.digest())
