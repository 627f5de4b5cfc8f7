"""REAPI's SplitBlob and SpliceBlob: a blob as a list of chunks, each a blob of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageServicer
from lamella.errors import LimitExceeded, SizeMismatch
from lamella.layers.splice import Splicer
from lamella.server.grpc.caller import caller
from lamella.server.grpc.limits import MAX_CHUNKS, MAX_SPLICES
from lamella.store.protocol import BlobInfo
from lamella.wire.blob import BlobName, blob_from_message, check_digest_function

if TYPE_CHECKING:
    from lamella.server.domain import Domain
    from lamella.server.grpc.caller import Context


class ChunkedBlobs(ContentAddressableStorageServicer):
    """The part of ContentAddressableStorage that knows of chunks."""

    def __init__(self, domain: Domain) -> None:
        self._store = domain.store
        self._lists = domain.chunk_lists
        self._splicer = Splicer(domain.store, domain.chunk_lists, domain.max_blob_size, MAX_SPLICES)

    async def SplitBlob(  # noqa: N802 - the name of the RPC
        self, request: pb.SplitBlobRequest, context: Context
    ) -> pb.SplitBlobResponse:
        """Tell the chunks of a blob; a tar's are cut within its entries, whatever the client would like."""
        caller(context, request.instance_name)
        check_digest_function(request.digest_function)
        blob = _named(request.blob_digest, "blob_digest")
        size = (await self._store.stat(blob.digest)).size
        if size != blob.size:
            raise SizeMismatch(blob.digest, blob.size, size)
        pieces = await self._lists.split(blob.digest, MAX_CHUNKS)
        return pb.SplitBlobResponse(chunk_digests=[BlobName(piece.digest, piece.size).message for piece in pieces])

    async def SpliceBlob(  # noqa: N802 - the name of the RPC
        self, request: pb.SpliceBlobRequest, context: Context
    ) -> pb.SpliceBlobResponse:
        """Store the concatenation of chunks, whoever has cut them and however."""
        caller(context, request.instance_name)
        check_digest_function(request.digest_function)
        if len(request.chunk_digests) > MAX_CHUNKS:
            raise LimitExceeded("chunks in SpliceBlob", MAX_CHUNKS, len(request.chunk_digests))
        chunks = [_named(message, f"chunk_digests[{place}]") for place, message in enumerate(request.chunk_digests)]
        await self._splicer.splice(_named(request.blob_digest, "blob_digest"), chunks)
        return pb.SpliceBlobResponse(blob_digest=request.blob_digest)


def _named(message: pb.Digest, field: str) -> BlobInfo:
    blob = blob_from_message(message, field)
    return BlobInfo(blob.digest, blob.size)
