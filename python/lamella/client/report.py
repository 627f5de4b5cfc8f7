"""What the server tells about itself and what it has: health, capabilities, sizes of blobs, statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import CapabilitiesStub
from lamella._proto.lamella.v1 import blobs_pb2
from lamella._proto.lamella.v1 import stats_pb2 as pb
from lamella._proto.lamella.v1.blobs_pb2_grpc import BlobsStub
from lamella._proto.lamella.v1.stats_pb2_grpc import StatsStub
from lamella.wire.fields import duration_from_message, parse_digest, timestamp_to_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lamella.client.connection import Connection
    from lamella.model import Digest, GroupBy


@dataclass(frozen=True, slots=True)
class StatsRow:
    """Counters added up; the fields that were not grouped by are empty. ``saved`` is in seconds, sizes in bytes."""

    project: str
    builder: str
    instruction: str
    day: str
    lookups: int
    hits: int
    misses: int
    commits: int
    bytes_in: int
    bytes_out: int
    saved: float


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server can do: the REAPI versions it speaks, its limits in bytes, the wire compression it knows.

    ``splits``: it tells the chunks of blobs; ``splices``: it puts blobs together from chunks.
    """

    low_version: str
    high_version: str
    max_batch_size: int
    compressors: tuple[str, ...]
    batch_compressors: tuple[str, ...] = ()
    splits: bool = False
    splices: bool = False


async def get_stats(
    connection: Connection, group_by: Sequence[GroupBy], project: str, since: float | None
) -> list[StatsRow]:
    """Call ``Stats.GetStats``; see ``AsyncClient.stats``."""
    request = pb.GetStatsRequest(group_by=[field.name for field in group_by], project=project)
    if since is not None:
        request.since.CopyFrom(timestamp_to_message(since))
    response = await connection.unary(StatsStub(connection.channel).GetStats, request)
    return [
        StatsRow(
            project=row.project,
            builder=row.builder,
            instruction=row.instruction,
            day=row.day,
            lookups=row.counters.lookups,
            hits=row.counters.hits,
            misses=row.counters.misses,
            commits=row.counters.commits,
            bytes_in=row.counters.bytes_in,
            bytes_out=row.counters.bytes_out,
            saved=duration_from_message(row.counters.saved, "saved"),
        )
        for row in response.rows
    ]


async def get_sizes(connection: Connection, digests: Iterable[Digest]) -> dict[Digest, int]:
    """Call ``Blobs.Stat``; see ``AsyncClient.sizes``."""
    request = blobs_pb2.StatRequest(digests=[str(digest) for digest in digests])
    response = await connection.unary(BlobsStub(connection.channel).Stat, request)
    return {parse_digest(blob.digest, "digest"): blob.size_bytes for blob in response.blobs}


async def get_capabilities(connection: Connection) -> Capabilities:
    """Call REAPI's ``Capabilities.GetCapabilities``."""
    request = reapi.GetCapabilitiesRequest(instance_name=connection.instance)
    answer = await connection.unary(CapabilitiesStub(connection.channel).GetCapabilities, request)
    low, high = answer.low_api_version, answer.high_api_version
    cache = answer.cache_capabilities
    return Capabilities(
        low_version=f"{low.major}.{low.minor}",
        high_version=f"{high.major}.{high.minor}",
        max_batch_size=cache.max_batch_total_size_bytes,
        compressors=_compressors(cache.supported_compressors),
        batch_compressors=_compressors(cache.supported_batch_update_compressors),
        splits=cache.split_blob_support,
        splices=cache.splice_blob_support,
    )


def _compressors(numbers: Iterable[int]) -> tuple[str, ...]:
    """Return the names of those that this version of REAPI knows."""
    known = reapi.Compressor.Value
    return tuple(known.Name(number).lower() for number in numbers if number in known.values())


async def is_serving(connection: Connection, service: str = "") -> bool:
    """Call ``grpc.health.v1.Health.Check`` for a service by its full name, or for the server as a whole."""
    request = health_pb2.HealthCheckRequest(service=service)
    answer = await connection.unary(HealthStub(connection.channel).Check, request)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
