"""REAPI ContentAddressableStorage: many small blobs in one message."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from google.rpc.status_pb2 import Status

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella.errors import Invalid, LamellaError, LimitExceeded, NotFound, SizeMismatch
from lamella.index import Counters
from lamella.server.grpc.caller import caller
from lamella.server.grpc.chunks import ChunkedBlobs
from lamella.server.grpc.directories import walk
from lamella.server.grpc.limits import MAX_BATCH_BLOBS, MAX_BATCH_SIZE, MAX_DIGESTS, MAX_PAYLOAD
from lamella.server.grpc.status import to_status
from lamella.server.grpc.zstd_stream import LEVEL, Decompressor
from lamella.wire.blob import blob_from_message, check_digest_function
from lamella.wire.zstd import compress_each

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from lamella.model import Digest
    from lamella.server.domain import Domain
    from lamella.server.grpc.caller import Context


class ContentAddressableStorage(ChunkedBlobs):
    """Each blob of a batch has a status of its own; a batch past a limit is refused as a whole."""

    def __init__(self, domain: Domain) -> None:
        super().__init__(domain)
        self._domain = domain

    async def FindMissingBlobs(  # noqa: N802 - the name of the RPC
        self, request: pb.FindMissingBlobsRequest, context: Context
    ) -> pb.FindMissingBlobsResponse:
        """Return the blobs that the store does not have, in the order of the request; present ones count as used."""
        caller(context, request.instance_name)
        check_digest_function(request.digest_function)
        if len(request.blob_digests) > MAX_DIGESTS:
            raise LimitExceeded("digests in FindMissingBlobs", MAX_DIGESTS, len(request.blob_digests))
        asked = {
            blob_from_message(message, f"blob_digests[{place}]").digest: message
            for place, message in enumerate(request.blob_digests)
        }
        missing = await self._store.missing(asked)
        return pb.FindMissingBlobsResponse(
            missing_blob_digests=[message for digest, message in asked.items() if digest in missing]
        )

    async def BatchUpdateBlobs(  # noqa: N802 - the name of the RPC
        self, request: pb.BatchUpdateBlobsRequest, context: Context
    ) -> pb.BatchUpdateBlobsResponse:
        """Store blobs, all at once, so that they share their syncs."""
        who = caller(context, request.instance_name)
        check_digest_function(request.digest_function)
        _check_batch([item.digest for item in request.requests])
        received = sum(len(item.data) for item in request.requests)
        self._domain.recorder.add(Counters(bytes_in=received), project=who.scope.name, builder=who.builder)
        statuses = await self._store_many(request.requests)
        return pb.BatchUpdateBlobsResponse(
            responses=[
                pb.BatchUpdateBlobsResponse.Response(digest=item.digest, status=status)
                for item, status in zip(request.requests, statuses, strict=True)
            ]
        )

    async def BatchReadBlobs(  # noqa: N802 - the name of the RPC
        self, request: pb.BatchReadBlobsRequest, context: Context
    ) -> pb.BatchReadBlobsResponse:
        """Read blobs, and compress them where the client likes that."""
        who = caller(context, request.instance_name)
        check_digest_function(request.digest_function)
        _check_batch(list(request.digests))
        responses = await self._read_many(request.digests)
        if pb.Compressor.ZSTD in request.acceptable_compressors:
            await asyncio.to_thread(_compress, responses)
        sent = sum(len(response.data) for response in responses)
        self._domain.recorder.add(Counters(bytes_out=sent), project=who.scope.name, builder=who.builder)
        return pb.BatchReadBlobsResponse(responses=responses)

    async def GetTree(  # noqa: N802 - the name of the RPC
        self, request: pb.GetTreeRequest, context: Context
    ) -> AsyncIterator[pb.GetTreeResponse]:
        """Send a directory and all below it, less what the store does not have."""
        caller(context, request.instance_name)
        check_digest_function(request.digest_function)
        if request.page_token:
            raise Invalid("page_token", "was never given out by this server: it sends a tree in one stream")
        root = blob_from_message(request.root_digest, "root_digest").digest
        missing: set[Digest] = set()
        page, size = pb.GetTreeResponse(), 0
        async for _, directory in walk(self._store, root, missing):
            added = directory.ByteSize()
            full = len(page.directories) == request.page_size > 0 or size + added > MAX_PAYLOAD // 2
            if page.directories and full:
                yield page
                page, size = pb.GetTreeResponse(), 0
            page.directories.append(directory)
            size += added
        if root in missing:
            raise NotFound(root)
        yield page

    async def _store_many(self, items: Sequence[pb.BatchUpdateBlobsRequest.Request]) -> list[Status]:
        """Store what can be stored of a batch, and return the status of each item."""
        # In one thread: a hop for each of a thousand small blobs takes longer than they do.
        received = await asyncio.to_thread(lambda: list(map(_received, items)))
        blobs = dict(blob for blob in received if not isinstance(blob, LamellaError))
        try:
            failures = await self._store.write_many(blobs)
        except LamellaError as error:
            failures = dict.fromkeys(blobs, error)
        outcomes = [blob if isinstance(blob, LamellaError) else failures.get(blob[0]) for blob in received]
        return [Status() if outcome is None else to_status(outcome) for outcome in outcomes]

    async def _read_many(self, messages: Sequence[pb.Digest]) -> list[pb.BatchReadBlobsResponse.Response]:
        named = [await self._named(message) for message in messages]
        found = await self._store.read_many({digest for digest in named if not isinstance(digest, LamellaError)})
        outcomes = [digest if isinstance(digest, LamellaError) else found[digest] for digest in named]
        return [_response(message, outcome) for message, outcome in zip(messages, outcomes, strict=True)]

    async def _named(self, message: pb.Digest) -> Digest | LamellaError:
        """Return the digest of a blob that has the size that the message says, or what is wrong with it."""
        try:
            blob = blob_from_message(message, "digest")
            size = (await self._store.stat(blob.digest)).size
            if size != blob.size:
                raise SizeMismatch(blob.digest, blob.size, size)
        except LamellaError as error:
            return error
        return blob.digest


def _response(message: pb.Digest, outcome: bytes | LamellaError) -> pb.BatchReadBlobsResponse.Response:
    if isinstance(outcome, LamellaError):
        return pb.BatchReadBlobsResponse.Response(digest=message, status=to_status(outcome))
    return pb.BatchReadBlobsResponse.Response(digest=message, data=outcome, status=Status())


def _check_batch(digests: list[pb.Digest]) -> None:
    """Refuse a batch past a limit, as REAPI v2 asks for: with INVALID_ARGUMENT."""
    if len(digests) > MAX_BATCH_BLOBS:
        raise Invalid("requests", f"{len(digests)} blobs in a batch, more than {MAX_BATCH_BLOBS}")
    total = sum(max(digest.size_bytes, 0) for digest in digests)
    if total > MAX_BATCH_SIZE:
        raise Invalid("requests", f"{total} bytes in a batch, more than {MAX_BATCH_SIZE}")


def _received(item: pb.BatchUpdateBlobsRequest.Request) -> tuple[Digest, bytes] | LamellaError:
    """Return what an item holds, as many bytes as it says, or what is wrong with it."""
    try:
        blob = blob_from_message(item.digest, "digest")
        data = _content(item, blob.size)
        if len(data) != blob.size:
            raise SizeMismatch(blob.digest, blob.size, len(data))
    except LamellaError as error:
        return error
    return blob.digest, data


def _compress(responses: list[pb.BatchReadBlobsResponse.Response]) -> None:
    frames = compress_each([response.data for response in responses], LEVEL)
    for response, frame in zip(responses, frames, strict=True):
        if frame is not None:
            response.data, response.compressor = frame, pb.Compressor.ZSTD


def _content(item: pb.BatchUpdateBlobsRequest.Request, size: int) -> bytes:
    """Return the uncompressed bytes of an item, or one buffer more than ``size`` where they are more."""
    if item.compressor == pb.Compressor.IDENTITY:
        return item.data
    if item.compressor != pb.Compressor.ZSTD:
        raise Invalid("compressor", f"{item.compressor} is neither IDENTITY nor ZSTD")
    decompressor, content = Decompressor(), bytearray()
    for block in decompressor.blocks(item.data):
        content += block
        if len(content) > size:
            return bytes(content)
    if not decompressor.complete:
        raise Invalid("data", "ends within a zstd frame")
    return bytes(content)
