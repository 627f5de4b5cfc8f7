"""Statistics for the people who run a farm."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from lamella._proto.lamella.v1 import stats_pb2 as pb
from lamella._proto.lamella.v1.stats_pb2_grpc import StatsServicer
from lamella.errors import Invalid, LimitExceeded
from lamella.index import Place
from lamella.model import GroupBy
from lamella.stats.report import report
from lamella.wire.fields import duration_to_message, timestamp_from_message, timestamp_to_message

if TYPE_CHECKING:
    from lamella.index import CounterKey, Counters, ProjectUsage
    from lamella.server.domain import Domain
    from lamella.server.grpc.caller import Context

MAX_ROWS: Final = 20_000
"""The most rows of one answer."""

_WHERE: Final = {
    Place.FILE: pb.GetUsageResponse.FILES,
    Place.INLINE: pb.GetUsageResponse.INDEX,
    Place.PACKED: pb.GetUsageResponse.PACKS,
    Place.RECIPE: pb.GetUsageResponse.RECIPES,
    Place.INFLATED: pb.GetUsageResponse.INFLATED,
}


class Stats(StatsServicer):
    """Adds up what the index has, and first writes down what this process has counted."""

    def __init__(self, domain: Domain) -> None:
        self._recorder = domain.recorder
        self._counters = domain.counters
        self._usage = domain.usage
        self._project_usage = domain.project_usage

    async def GetStats(  # noqa: N802 - the name of the RPC
        self, request: pb.GetStatsRequest, _context: Context
    ) -> pb.GetStatsResponse:
        """Answer with one row for each combination of the fields grouped by."""
        group_by = [_group_by(number, f"group_by[{place}]") for place, number in enumerate(request.group_by)]
        since = _day(request)
        await self._recorder.flush()
        rows = await asyncio.to_thread(lambda: report(self._counters.scan(since), group_by, request.project))
        if len(rows) > MAX_ROWS:
            raise LimitExceeded("rows of statistics (group by less, or ask since a later day)", MAX_ROWS, len(rows))
        return pb.GetStatsResponse(rows=[_row(key, counters) for key, counters in rows])

    async def GetUsage(  # noqa: N802 - the name of the RPC
        self, request: pb.GetUsageRequest, _context: Context
    ) -> pb.GetUsageResponse:
        """Answer from the index, where both totals and the last count are."""
        response = pb.GetUsageResponse(
            places=[
                pb.GetUsageResponse.Place(
                    where=_WHERE[place], blobs=found.blobs, bytes=found.size, stored_bytes=found.stored
                )
                for place, found in self._usage.all().items()
            ]
        )
        response.places.add(where=pb.GetUsageResponse.REST_OF_PACKS, stored_bytes=self._usage.rest_of_packs())
        usages = await asyncio.to_thread(self._project_usage.read)
        if usages is not None:
            rows = [row for row in usages.projects.items() if request.project in ("", row[0])]
            if len(rows) > MAX_ROWS:
                raise LimitExceeded("projects (ask for one)", MAX_ROWS, len(rows))
            response.projects.extend(_project(name, usage) for name, usage in rows)
            response.total.CopyFrom(_project("", usages.total))
            response.counted.CopyFrom(timestamp_to_message(usages.counted))
        return response


def _group_by(number: pb.GetStatsRequest.Field, field: str) -> GroupBy:
    known = {pb.GetStatsRequest.Field.Value(group_by.name): group_by for group_by in GroupBy}
    if number not in known:
        raise Invalid(field, f"{number} is not a field to group by")
    return known[number]


def _day(request: pb.GetStatsRequest) -> str:
    if not request.HasField("since"):
        return ""
    return datetime.fromtimestamp(timestamp_from_message(request.since, "since"), UTC).date().isoformat()


def _row(key: CounterKey, counters: Counters) -> pb.GetStatsResponse.Row:
    return pb.GetStatsResponse.Row(
        project=key.project,
        builder=key.builder,
        instruction=key.instruction,
        day=key.day,
        counters=pb.Counters(
            lookups=counters.lookups,
            hits=counters.hits,
            misses=counters.misses,
            commits=counters.commits,
            bytes_in=counters.bytes_in,
            bytes_out=counters.bytes_out,
            saved=duration_to_message(counters.saved_ms / 1000),
        ),
    )


def _project(name: str, usage: ProjectUsage) -> pb.GetUsageResponse.Project:
    return pb.GetUsageResponse.Project(
        project=name, blobs=usage.blobs, bytes=usage.size, stored_bytes=usage.stored, own_bytes=usage.own
    )
