"""What the store holds, as the server tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from lamella._proto.lamella.v1 import stats_pb2 as pb
from lamella._proto.lamella.v1.stats_pb2_grpc import StatsStub
from lamella._proto.lamella.v1.step_cache_pb2_grpc import StepCacheStub
from lamella.client import AsyncClient, ProjectRow, Where
from lamella.server.garbage import compose_counter
from lamella.server.grpc import stats
from tests.grpc.calls import refused, upload
from tests.grpc.test_step_cache import PLAIN, STEP, commit_request, result_of

if TYPE_CHECKING:
    import pytest

    from tests.grpc.conftest import Server


async def commit(channel: grpc.aio.Channel, *scopes: str) -> None:
    await upload(channel, PLAIN)
    for scope in scopes:
        request = commit_request(STEP, result_of(PLAIN))
        request.scope = scope
        await StepCacheStub(channel).Commit(request)


async def test_before_the_first_count_places_alone_are_known(server: Server, channel: grpc.aio.Channel) -> None:
    await commit(channel, "a/a")
    async with AsyncClient(server.address) as client:
        found = await client.usage()
    assert (found.projects, found.total, found.counted) == ((), None, None)
    assert {row.where for row in found.places} == set(Where)
    assert sum(row.bytes for row in found.places) == len(PLAIN)


async def test_projects_are_told_as_they_were_counted_last(server: Server, channel: grpc.aio.Channel) -> None:
    await commit(channel, "b/b@x", "a/a")
    await compose_counter(server.store).refresh()
    size = len(PLAIN)
    shared = [ProjectRow(project, 1, size, size, 0) for project in ("a/a", "b/b")]
    async with AsyncClient(server.address) as client:
        found = await client.usage()
        alone = await client.usage(project="b/b")
    assert found.projects == tuple(shared)
    assert found.total == alone.total == ProjectRow("", 1, size, size, size)
    assert found.counted == int(found.counted or 0) > 1e9
    assert alone.projects == (shared[1],)


async def test_too_many_projects_are_refused(
    server: Server, channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "MAX_ROWS", 1)
    await commit(channel, "a/a", "b/b")
    await compose_counter(server.store).refresh()
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "ask for one"):
        await StatsStub(channel).GetUsage(pb.GetUsageRequest())
    response = await StatsStub(channel).GetUsage(pb.GetUsageRequest(project="a/a"))
    assert [row.project for row in response.projects] == ["a/a"]
