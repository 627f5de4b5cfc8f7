"""Uploads over REAPI: large blobs by ByteStream, resumed where they broke off; small ones many in a message."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from grpc import StatusCode, aio

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as cas
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella.client.connection import CALL_SECONDS
from lamella.client.errors import Refused, ServerFailed
from lamella.wire.blob import BlobName
from lamella.wire.resource import Resource, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lamella.client.blob import Blob
    from lamella.client.connection import Connection

SMALL_BLOB = 64 << 10
"""Blobs up to this size, in bytes, share messages."""

BATCH_BLOBS = 1000
BATCH_SIZE = 2 << 20
"""Blobs, and their bytes, in one message of small ones; below the 4 MiB that gRPC servers accept by default."""

CONCURRENT_TRANSFERS = 8
"""How many messages of small blobs, or large blobs, are on their way at once."""


async def upload_all(connection: Connection, blobs: Sequence[Blob], progress: Callable[[int], None]) -> None:
    """Send blobs, whether the server has them or not; ``progress`` is told of further bytes that it has taken.

    Raises:
        ClientError: one could not be sent; others may have been.
        OSError: a file cannot be read.
    """
    slots = asyncio.Semaphore(CONCURRENT_TRANSFERS)

    async def send(batch: list[Blob]) -> None:
        async with slots:
            if len(batch) > 1:
                await _send_batch(connection, batch, progress)
            else:
                await _Stream(connection, batch[0], progress).send()

    try:
        async with asyncio.TaskGroup() as group:
            for batch in _batches(blobs):
                group.create_task(send(batch))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _batches(blobs: Sequence[Blob]) -> Iterator[list[Blob]]:
    batch: list[Blob] = []
    size = 0
    for blob in blobs:
        if blob.size > SMALL_BLOB:
            yield [blob]
            continue
        if len(batch) == BATCH_BLOBS or size + blob.size > BATCH_SIZE:
            yield batch
            batch, size = [], 0
        batch.append(blob)
        size += blob.size
    if batch:
        yield batch


async def _send_batch(connection: Connection, batch: list[Blob], progress: Callable[[int], None]) -> None:
    request = cas.BatchUpdateBlobsRequest(instance_name=connection.instance)
    for blob in batch:
        async with aclosing(blob.read()) as pieces:
            data = b"".join([piece async for piece in pieces])
        request.requests.add(digest=BlobName(blob.digest, blob.size).message, data=data)
    stub = ContentAddressableStorageStub(connection.channel)
    response = await connection.unary(stub.BatchUpdateBlobs, request)
    for answer in response.responses:
        if answer.status.code:
            raise Refused(connection.address, f"blob sha256:{answer.digest.hash}: {answer.status.message}")
    progress(sum(blob.size for blob in batch))


class _Stream:
    """One blob on its way through ``ByteStream.Write``."""

    def __init__(self, connection: Connection, blob: Blob, progress: Callable[[int], None]) -> None:
        self._connection = connection
        self._blob = blob
        self._progress = progress
        self._stub = ByteStreamStub(connection.channel)
        self._resource = str(Upload(Resource(BlobName(blob.digest, blob.size), connection.instance), str(uuid.uuid4())))
        self._told = 0
        self._broken = False

    async def send(self) -> None:
        committed = await self._connection.retry(self._attempt, lambda: self._told)
        if committed != self._blob.size:
            raise ServerFailed(
                self._connection.address,
                f"blob {self._blob.digest}: the server took {committed} of {self._blob.size} bytes",
            )
        self._tell(self._blob.size)

    async def _attempt(self) -> int:
        status = await self._status() if self._broken else stream.QueryWriteStatusResponse()
        if status.complete:
            return int(status.committed_size)
        self._broken = True
        call = self._stub.Write(metadata=self._connection.metadata)
        try:
            # Writing fails once the call has ended, as the server has the blob, or refuses it, or is gone: only
            # `await call` tells which.
            with suppress(asyncio.InvalidStateError, aio.AioRpcError):
                await self._write(call, status.committed_size)
            response = await call
        except BaseException:
            call.cancel()
            raise
        self._connection.traffic.received += response.ByteSize()
        return int(response.committed_size)

    async def _status(self) -> stream.QueryWriteStatusResponse:
        request = stream.QueryWriteStatusRequest(resource_name=self._resource)
        try:
            status: stream.QueryWriteStatusResponse = await self._stub.QueryWriteStatus(
                request, timeout=CALL_SECONDS, metadata=self._connection.metadata
            )
        except aio.AioRpcError as error:
            if error.code() is StatusCode.NOT_FOUND:
                return stream.QueryWriteStatusResponse()  # nothing of it has arrived
            raise
        return status

    async def _write(self, call: aio.StreamUnaryCall[stream.WriteRequest, stream.WriteResponse], offset: int) -> None:
        name = self._resource
        finished = False
        async with aclosing(self._blob.read(offset)) as pieces:
            async for data in pieces:
                end = offset + len(data)
                finished = end == self._blob.size
                request = stream.WriteRequest(resource_name=name, write_offset=offset, data=data, finish_write=finished)
                await call.write(request)
                self._connection.traffic.sent += request.ByteSize()
                self._tell(end)
                offset, name = end, ""
        if not finished:
            await call.write(stream.WriteRequest(resource_name=name, write_offset=offset, finish_write=True))
        await call.done_writing()

    def _tell(self, offset: int) -> None:
        if offset > self._told:
            self._progress(offset - self._told)
            self._told = offset
