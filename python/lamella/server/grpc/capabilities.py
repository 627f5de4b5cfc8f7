"""REAPI Capabilities: what clients configure themselves by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import CapabilitiesServicer
from lamella._proto.build.bazel.semver.semver_pb2 import SemVer
from lamella.server.grpc.caller import caller
from lamella.server.grpc.limits import MAX_BATCH_SIZE

if TYPE_CHECKING:
    from lamella.server.grpc.caller import Context

AVERAGE_CHUNK: Final = 64 << 10
"""Bytes: how clients should cut, so that plain blobs have the chunks that this server would make."""

_ANSWER = pb.ServerCapabilities(
    cache_capabilities=pb.CacheCapabilities(
        digest_functions=[pb.DigestFunction.SHA256],
        action_cache_update_capabilities=pb.ActionCacheUpdateCapabilities(update_enabled=True),
        max_batch_total_size_bytes=MAX_BATCH_SIZE,
        symlink_absolute_path_strategy=pb.SymlinkAbsolutePathStrategy.ALLOWED,
        supported_compressors=[pb.Compressor.ZSTD],
        supported_batch_update_compressors=[pb.Compressor.ZSTD],
        split_blob_support=True,
        splice_blob_support=True,
        fast_cdc_2020_params=pb.FastCdc2020Params(avg_chunk_size_bytes=AVERAGE_CHUNK, seed=0),
    ),
    low_api_version=SemVer(major=2),
    high_api_version=SemVer(major=2, minor=12),
)


class Capabilities(CapabilitiesServicer):
    """The same for every instance."""

    async def GetCapabilities(  # noqa: N802 - the name of the RPC
        self, request: pb.GetCapabilitiesRequest, context: Context
    ) -> pb.ServerCapabilities:
        """Answer for an instance whose name is valid."""
        caller(context, request.instance_name)
        return _ANSWER
