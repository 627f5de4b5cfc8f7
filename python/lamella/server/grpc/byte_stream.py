"""ByteStream: blobs of any size, with offsets, resumption and zstd on the wire.

The handlers that carry payloads take and give encoded messages (see ``envelope.py``).
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import grpc

from lamella._proto.google.bytestream import bytestream_pb2 as pb
from lamella.errors import Invalid, LimitExceeded, SizeMismatch
from lamella.index import Counters
from lamella.server.grpc.caller import caller
from lamella.server.grpc.envelope import decode_write_request, encode_read_response
from lamella.server.grpc.limits import MAX_UPLOADS
from lamella.server.grpc.upload import Reception, next_message, upload_id
from lamella.server.grpc.zstd_stream import compress
from lamella.wire.resource import parse_resource, parse_upload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from typing_extensions import Buffer

    from lamella.server.domain import Domain
    from lamella.server.grpc.caller import Caller, Context
    from lamella.wire.blob import BlobName

SERVICE: Final = "google.bytestream.ByteStream"


class ByteStream:
    """An upload that breaks off leaves its bytes for ``QueryWriteStatus`` and the next ``Write`` of the same name."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._store = domain.store
        self._slots = asyncio.Semaphore(MAX_UPLOADS)

    def handler(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """Return what a server routes calls by."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Read": grpc.unary_stream_rpc_method_handler(self.read, pb.ReadRequest.FromString, None),
                "Write": grpc.stream_unary_rpc_method_handler(self.write, None, pb.WriteResponse.SerializeToString),
                "QueryWriteStatus": grpc.unary_unary_rpc_method_handler(
                    self.query_write_status,
                    pb.QueryWriteStatusRequest.FromString,
                    pb.QueryWriteStatusResponse.SerializeToString,
                ),
            },
        )

    async def read(self, request: pb.ReadRequest, context: Context) -> AsyncIterator[bytes]:
        """Send a blob, or a range of it, as encoded ``ReadResponse`` messages."""
        resource = parse_resource(request.resource_name)
        who = caller(context, resource.instance)
        if request.read_limit < 0:
            raise Invalid("read_limit", f"{request.read_limit} is negative")
        if resource.zstd and request.read_limit:
            raise Invalid("read_limit", "must be 0 for a compressed read (REAPI v2)")
        await self._check_size(resource.blob)
        sent = _Counted(self._store.open(resource.blob.digest, request.read_offset, request.read_limit or None))
        try:
            async with aclosing(sent.buffers()) as buffers:
                if not resource.zstd:
                    async for buffer in buffers:
                        yield encode_read_response(buffer)
                    return
                async with aclosing(compress(buffers)) as blocks:
                    async for block in blocks:
                        yield encode_read_response(block)
        finally:
            self._count(who, Counters(bytes_out=sent.size))

    async def write(self, requests: AsyncIterator[bytes], context: Context) -> pb.WriteResponse:
        """Take a blob, or continue to."""
        messages = aiter(requests)
        first = await next_message(messages)
        if first is None:
            raise Invalid("resource_name", "the stream ended before its first message")
        chunk = decode_write_request(first)
        upload = parse_upload(chunk.resource_name)
        who = caller(context, upload.resource.instance)
        blob = upload.resource.blob
        if blob.size > self._domain.max_blob_size:
            raise LimitExceeded("the size of a blob", self._domain.max_blob_size, blob.size)
        if await self._has(blob):
            return pb.WriteResponse(committed_size=-1 if upload.resource.zstd else blob.size)
        reception = Reception(self._domain, upload, chunk, messages)
        async with self._slots:
            try:
                return pb.WriteResponse(committed_size=await reception.run())
            finally:
                self._count(who, Counters(bytes_in=reception.received))

    async def query_write_status(
        self, request: pb.QueryWriteStatusRequest, context: Context
    ) -> pb.QueryWriteStatusResponse:
        """Tell how far an upload is; 0 where no byte has come, since clients take NOT_FOUND for a failure."""
        upload = parse_upload(request.resource_name)
        caller(context, upload.resource.instance)
        if await self._has(upload.resource.blob):
            return pb.QueryWriteStatusResponse(committed_size=upload.resource.blob.size, complete=True)
        return pb.QueryWriteStatusResponse(committed_size=self._domain.uploads.size(upload_id(upload)) or 0)

    async def _has(self, blob: BlobName) -> bool:
        """Tell whether the blob is there, and count it as used; raises ``SizeMismatch`` for a wrong size."""
        if await self._store.missing([blob.digest]):
            return False
        await self._check_size(blob)
        return True

    async def _check_size(self, blob: BlobName) -> None:
        size = (await self._store.stat(blob.digest)).size
        if size != blob.size:
            raise SizeMismatch(blob.digest, blob.size, size)

    def _count(self, who: Caller, counters: Counters) -> None:
        self._domain.recorder.add(counters, project=who.scope.name, builder=who.builder)


class _Counted:
    """Buffers of a blob, and how many bytes they were; ``size`` is right at any moment."""

    def __init__(self, source: AsyncGenerator[Buffer, None]) -> None:
        self._source = source
        self.size = 0

    async def buffers(self) -> AsyncGenerator[Buffer, None]:
        async with aclosing(self._source) as source:
            async for buffer in source:
                self.size += memoryview(buffer).nbytes
                yield buffer
