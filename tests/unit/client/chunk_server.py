"""A server in memory that knows chunks, and loses or spoils some when told to."""

# ruff: noqa: N802  (gRPC gives the methods their names)
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import grpc
import zstandard

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as cas
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import CapabilitiesServicer
from lamella.model import Digest
from tests.unit.client.fake_server import FakeServer


def digest_of(message: Any) -> Digest:
    return Digest.parse(f"sha256:{message.hash}")


@dataclass
class ChunkServer(FakeServer, CapabilitiesServicer):
    """``losing`` are forgotten after they were told to be there; ``spoiled`` are sent with another byte."""

    splits: bool = True
    splices: bool = True
    lists: dict[Digest, list[Any]] = field(default_factory=dict)
    losing: set[Digest] = field(default_factory=set)
    spoiled: set[Digest] = field(default_factory=set)
    spliced: list[Digest] = field(default_factory=list)
    asked: list[Digest] = field(default_factory=list)

    async def GetCapabilities(self, request: Any, context: Any) -> Any:
        return cas.ServerCapabilities(
            cache_capabilities=cas.CacheCapabilities(
                supported_batch_update_compressors=[cas.Compressor.ZSTD],
                split_blob_support=self.splits,
                splice_blob_support=self.splices,
            )
        )

    async def BatchUpdateBlobs(self, request: Any, context: Any) -> Any:
        for item in request.requests:
            if item.compressor == cas.Compressor.ZSTD:
                item.data = zstandard.decompress(item.data)
        return await super().BatchUpdateBlobs(request, context)

    async def BatchReadBlobs(self, request: Any, context: Any) -> Any:
        response = cas.BatchReadBlobsResponse()
        for message in request.digests:
            digest = digest_of(message)
            self.asked.append(digest)
            answer = response.responses.add(digest=message)
            if digest in self.losing or digest not in self.blobs:
                answer.status.code = grpc.StatusCode.NOT_FOUND.value[0]
                continue
            data = self.blobs[digest]
            if digest in self.spoiled:
                data = bytes(len(data))
            if len(data) % 2:  # both forms, whatever the chunks are
                answer.data = data
            else:
                answer.data, answer.compressor = zstandard.compress(data), cas.Compressor.ZSTD
        return response

    async def SplitBlob(self, request: Any, context: Any) -> Any:
        digest = digest_of(request.blob_digest)
        if digest not in self.lists:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no chunks are known")
        return cas.SplitBlobResponse(chunk_digests=self.lists[digest])

    async def SpliceBlob(self, request: Any, context: Any) -> Any:
        chunks = list(map(digest_of, request.chunk_digests))
        if lost := [chunk for chunk in chunks if chunk in self.losing or chunk not in self.blobs]:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"lost {lost[0]}")
        data = b"".join(self.blobs[chunk] for chunk in chunks)
        digest = digest_of(request.blob_digest)
        assert Digest.of(data) == digest
        self.blobs[digest] = data
        self.lists[digest] = list(request.chunk_digests)
        self.spliced.append(digest)
        return cas.SpliceBlobResponse(blob_digest=request.blob_digest)
