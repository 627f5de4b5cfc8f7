"""Downloads over ByteStream: to a file, verified as they stream, resumed where they broke off."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lamella import _core
from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella.errors import DigestMismatch, LimitExceeded, SizeMismatch
from lamella.model import Digest
from lamella.wire.blob import BlobName
from lamella.wire.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.client.connection import Connection


async def download_file(
    connection: Connection, instance: str, digest: Digest, size: int, path: Path, progress: Callable[[int], None]
) -> None:
    """Write a blob to ``path``, which appears complete and verified, in place of what was there, or not at all.

    Raises:
        Missing: the server does not have it.
        SizeMismatch, DigestMismatch: the server sent something else.
        ClientError: the call failed otherwise.
        OSError: the file cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            await _receive(connection, instance, digest, size, _Target(file), progress)
        temporary.chmod(0o644)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


async def download_bytes(connection: Connection, instance: str, digest: Digest, size: int, most: int) -> bytes:
    """Return a small blob.

    Raises:
        LimitExceeded: it has more than ``most`` bytes.
        ClientError, SizeMismatch, DigestMismatch: as above.
    """
    if size > most:
        raise LimitExceeded(f"blob {digest} in bytes", most, size)
    with tempfile.SpooledTemporaryFile(most) as file:
        await _receive(connection, instance, digest, size, _Target(file), lambda _: None)
        file.seek(0)
        return file.read()


class _Target:
    """A file that hashes what is appended to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = _core.Sha256()
        self.size = 0

    def append(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def digest(self) -> Digest:
        return Digest(self._hash.digest())


async def _receive(
    connection: Connection, instance: str, digest: Digest, size: int, target: _Target, progress: Callable[[int], None]
) -> None:
    stub = ByteStreamStub(connection.channel)
    resource = str(Resource(BlobName(digest, size), instance))

    async def attempt() -> None:
        request = stream.ReadRequest(resource_name=resource, read_offset=target.size)
        connection.traffic.sent += request.ByteSize()
        call = stub.Read(request, metadata=connection.metadata)
        try:
            async for message in call:
                connection.traffic.received += message.ByteSize()
                if target.size + len(message.data) > size:
                    raise SizeMismatch(digest, size, target.size + len(message.data))
                await asyncio.to_thread(target.append, message.data)
                progress(len(message.data))
        finally:
            call.cancel()

    if size:
        await connection.retry(attempt, lambda: target.size)
    if target.size != size:
        raise SizeMismatch(digest, size, target.size)
    if target.digest() != digest:
        raise DigestMismatch(digest, target.digest())
