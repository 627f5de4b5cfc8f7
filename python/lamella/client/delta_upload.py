"""Uploads of what is new in a blob: its chunks that the server lacks, then SpliceBlob puts it together there."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as cas
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella.client.connection import CALL_SECONDS
from lamella.client.errors import Missing, Refused
from lamella.client.pieces import batches, cut_file, is_plain
from lamella.wire.blob import BlobName, blob_from_message
from lamella.wire.zstd import compress_each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lamella.client.blob import Blob
    from lamella.client.connection import Connection
    from lamella.client.pieces import Piece
    from lamella.model import Digest

MOST_PIECES: Final = 50_000
"""Of a blob; their names must fit one message."""

MOST_MISSING: Final = 0.95
"""The share of a blob's bytes that may be missing.

Chunks are compressed on their way, so that fewer bytes than the whole has go over the wire even where most are new; but
where all are, one stream is less work for both sides.
"""

LEVEL: Final = 3
"""zstd level of chunks on their way."""

CONCURRENT_BATCHES: Final = 4

SPLICE_RATE: Final = 20e6
"""Bytes a second that a busy server puts together at least, which decides how long it is waited for."""


async def upload_delta(connection: Connection, blob: Blob, path: Path, progress: Callable[[int], None]) -> bool:
    """Send what is new of a file, and return True; False where the whole must be sent, or better is.

    Raises:
        ClientError: a call failed.
        OSError: the file cannot be read.
    """
    if not await asyncio.to_thread(is_plain, path):
        return False
    digest, pieces = await asyncio.to_thread(cut_file, path)
    if digest != blob.digest or not 1 < len(pieces) <= MOST_PIECES:
        return False
    absent = await _absent(connection, pieces)
    wanted = list({piece.digest: piece for piece in pieces if piece.literal or piece.digest in absent}.values())
    size = sum(piece.size for piece in wanted)
    if size > MOST_MISSING * blob.size:
        return False
    progress(blob.size - size)
    await _send(connection, path, wanted, progress)
    if not await _splice(connection, blob, pieces):
        progress(-blob.size)
        return False
    connection.traffic.saved += blob.size - size
    return True


async def _absent(connection: Connection, pieces: Sequence[Piece]) -> set[Digest]:
    """Ask which chunks the server lacks; literals are not asked for, since they are hardly ever there."""
    chunks = {piece.digest: piece.size for piece in pieces if not piece.literal}
    names = [BlobName(digest, size).message for digest, size in chunks.items()]
    stub = ContentAddressableStorageStub(connection.channel)
    request = cas.FindMissingBlobsRequest(instance_name=connection.instance, blob_digests=names)
    response = await connection.unary(stub.FindMissingBlobs, request)
    return {blob_from_message(message, "digest").digest for message in response.missing_blob_digests}


async def _send(connection: Connection, path: Path, pieces: Sequence[Piece], progress: Callable[[int], None]) -> None:
    slots = asyncio.Semaphore(CONCURRENT_BATCHES)
    stub = ContentAddressableStorageStub(connection.channel)
    descriptor = await asyncio.to_thread(os.open, path, os.O_RDONLY | os.O_CLOEXEC)

    async def send(batch: list[Piece]) -> None:
        async with slots:
            request = await asyncio.to_thread(_request, connection.instance, descriptor, batch)
            response = await connection.unary(stub.BatchUpdateBlobs, request)
        for answer in response.responses:
            if answer.status.code:
                raise Refused(connection.address, f"blob sha256:{answer.digest.hash}: {answer.status.message}")
        progress(sum(piece.size for piece in batch))

    try:
        async with asyncio.TaskGroup() as group:
            for batch in batches(pieces):
                group.create_task(send(batch))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        os.close(descriptor)


def _request(instance: str, descriptor: int, batch: Sequence[Piece]) -> cas.BatchUpdateBlobsRequest:
    request = cas.BatchUpdateBlobsRequest(instance_name=instance)
    contents = [os.pread(descriptor, piece.size, piece.offset) for piece in batch]
    for piece, data, frame in zip(batch, contents, compress_each(contents, LEVEL), strict=True):
        name = BlobName(piece.digest, piece.size).message
        if frame is None:
            request.requests.add(digest=name, data=data)
        else:
            request.requests.add(digest=name, data=frame, compressor=cas.Compressor.ZSTD)
    return request


async def _splice(connection: Connection, blob: Blob, pieces: Sequence[Piece]) -> bool:
    """Have the server put the blob together; False where it has lost a chunk meanwhile."""
    request = cas.SpliceBlobRequest(
        instance_name=connection.instance,
        blob_digest=BlobName(blob.digest, blob.size).message,
        chunk_digests=[BlobName(piece.digest, piece.size).message for piece in pieces],
    )
    stub = ContentAddressableStorageStub(connection.channel)
    try:
        await connection.unary(stub.SpliceBlob, request, CALL_SECONDS + blob.size / SPLICE_RATE)
    except Missing:
        return False
    return True
