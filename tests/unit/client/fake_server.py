"""A server in memory that fails when told to, to see what the client does about it."""

# ruff: noqa: N802  (gRPC gives the methods their names)
from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as cas
from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2_grpc as cas_grpc
from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream import bytestream_pb2_grpc as stream_grpc
from lamella._proto.lamella.v1 import delta_pb2_grpc
from lamella.model import Digest
from lamella.wire.resource import parse_resource, parse_upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READ_PIECE = 300_000


@dataclass
class FakeServer(cas_grpc.ContentAddressableStorageServicer, stream_grpc.ByteStreamServicer):
    """Keeps blobs; breaks each of the next ``failures`` streams after ``break_after`` bytes."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    partial: dict[str, bytearray] = field(default_factory=dict)
    failures: int = 0
    break_after: int = 0
    offsets: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    corrupt: bool = False
    metadata: list[tuple[str, str]] = field(default_factory=list)

    def _broken(self, moved: int) -> bool:
        if self.failures and moved >= self.break_after:
            self.failures -= 1
            return True
        return False

    async def FindMissingBlobs(self, request: Any, context: Any) -> Any:
        self.metadata = list(context.invocation_metadata())
        if self._broken(0):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "going away")
        absent = [d for d in request.blob_digests if Digest.parse(f"sha256:{d.hash}") not in self.blobs]
        return cas.FindMissingBlobsResponse(missing_blob_digests=absent)

    async def BatchUpdateBlobs(self, request: Any, context: Any) -> Any:
        self.batches.append(len(request.requests))
        response = cas.BatchUpdateBlobsResponse()
        for item in request.requests:
            answer = response.responses.add(digest=item.digest)
            if Digest.of(item.data).hex != item.digest.hash:
                answer.status.code, answer.status.message = 3, "the bytes have another digest"
            else:
                self.blobs[Digest.of(item.data)] = item.data
        return response

    async def Write(self, requests: Any, context: Any) -> Any:
        name, moved, data = "", 0, bytearray()
        async for request in requests:
            if not name:
                name = request.resource_name
                data = self.partial.setdefault(name, bytearray())
                self.offsets.append(request.write_offset)
                blob = parse_upload(name).resource.blob
                if blob.digest in self.blobs:
                    return stream.WriteResponse(committed_size=blob.size)
            if request.write_offset != len(data):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"offset {request.write_offset}")
            data += request.data
            moved += len(request.data)
            if self._broken(moved):
                await context.abort(grpc.StatusCode.UNAVAILABLE, "connection lost")
            if request.finish_write:
                if Digest.of(bytes(data)) != blob.digest:
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the bytes have another digest")
                self.blobs[blob.digest] = bytes(data)
        return stream.WriteResponse(committed_size=len(data))

    async def QueryWriteStatus(self, request: Any, context: Any) -> Any:
        if request.resource_name not in self.partial:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such upload")
        return stream.QueryWriteStatusResponse(committed_size=len(self.partial[request.resource_name]))

    async def Read(self, request: Any, context: Any) -> Any:
        blob = parse_resource(request.resource_name).blob
        self.offsets.append(request.read_offset)
        if blob.digest not in self.blobs:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"blob {blob.digest} is not in the store")
        data = self.blobs[blob.digest]
        moved = 0
        for start in range(request.read_offset, len(data), READ_PIECE):
            piece = data[start : start + READ_PIECE]
            yield stream.ReadResponse(data=bytes(len(piece)) if self.corrupt else piece)
            moved += len(piece)
            if self._broken(moved):
                await context.abort(grpc.StatusCode.UNAVAILABLE, "connection lost")


@asynccontextmanager
async def serving(fake: FakeServer) -> AsyncIterator[str]:
    """Run the server on a port that the kernel chooses; yields its address."""
    server = grpc.aio.server()
    cas_grpc.add_ContentAddressableStorageServicer_to_server(fake, server)
    stream_grpc.add_ByteStreamServicer_to_server(fake, server)
    if isinstance(fake, delta_pb2_grpc.DeltaServicer):
        delta_pb2_grpc.add_DeltaServicer_to_server(fake, server)
        healthy = health.aio.HealthServicer()  # type: ignore[attr-defined] # its stubs lack it
        await healthy.set("lamella.v1.Delta", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
