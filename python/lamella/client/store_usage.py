"""What the server's store holds, by place and by project."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from lamella._proto.lamella.v1 import stats_pb2 as pb
from lamella._proto.lamella.v1.stats_pb2_grpc import StatsStub
from lamella.wire.fields import timestamp_from_message

if TYPE_CHECKING:
    from lamella.client.connection import Connection


class Where(Enum):
    """Where the bytes of blobs are: files of their own, the index, packs, the chunks that recipes name, other blobs.

    ``REST_OF_PACKS`` has no blobs, only what packs take beside those that are in use.
    """

    FILES = pb.GetUsageResponse.FILES
    INDEX = pb.GetUsageResponse.INDEX
    PACKS = pb.GetUsageResponse.PACKS
    RECIPES = pb.GetUsageResponse.RECIPES
    INFLATED = pb.GetUsageResponse.INFLATED
    REST_OF_PACKS = pb.GetUsageResponse.REST_OF_PACKS


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """Blobs of one place: how many, their bytes, and those that they take on the disk."""

    where: Where
    blobs: int
    bytes: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """The distinct blobs that a project (``tenant/project``; empty: all) needs, and their bytes as they were pushed.

    ``stored_bytes`` is what they take on the disk, each chunk once; no other project needs ``own_bytes`` of that.
    """

    project: str
    blobs: int
    bytes: int
    stored_bytes: int
    own_bytes: int


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """What the store holds: ``places`` now; ``projects`` as of ``counted``, in seconds since the epoch.

    The ``stored_bytes`` of all places add up to what ``--max-size`` limits. ``total`` has what projects share once.
    Before the first count there is neither that nor ``counted``.
    """

    places: tuple[PlaceRow, ...]
    projects: tuple[ProjectRow, ...]
    total: ProjectRow | None
    counted: float | None


async def get_usage(connection: Connection, project: str) -> StoreUsage:
    """Call ``Stats.GetUsage``; see ``AsyncClient.usage``."""
    response = await connection.unary(StatsStub(connection.channel).GetUsage, pb.GetUsageRequest(project=project))
    known = {where.value for where in Where}
    places = [
        PlaceRow(Where(place.where), place.blobs, place.bytes, place.stored_bytes)
        for place in response.places
        if place.where in known
    ]
    is_counted = response.HasField("counted")
    return StoreUsage(
        tuple(places),
        tuple(_project(row) for row in response.projects),
        _project(response.total) if is_counted else None,
        timestamp_from_message(response.counted, "counted") if is_counted else None,
    )


def _project(row: pb.GetUsageResponse.Project) -> ProjectRow:
    return ProjectRow(row.project, row.blobs, row.bytes, row.stored_bytes, row.own_bytes)
