from dataclasses import replace

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella._proto.lamella.v1 import stats_pb2 as pb
from lamella._proto.lamella.v1.stats_pb2_grpc import StatsStub
from lamella._proto.lamella.v1.step_cache_pb2 import ResolveRequest
from lamella._proto.lamella.v1.step_cache_pb2_grpc import StepCacheStub
from lamella.index import CounterKey
from lamella.model import GroupBy, Instruction
from lamella.server.grpc import stats
from lamella.server.grpc.caller import REQUEST_METADATA_KEY
from lamella.wire.fields import BUILDER_KEY, END_OF_TIME
from lamella.wire.step import step_to_message
from tests.grpc.calls import digest_of, download, read_name, refused, upload, write_name, write_requests
from tests.grpc.test_step_cache import PLAIN, STEP, commit_request, result_of

Field = pb.GetStatsRequest
LARGE = bytes(2_500_000)


async def get(channel: grpc.aio.Channel, *group_by: int, **request: object) -> list[pb.GetStatsResponse.Row]:
    response = await StatsStub(channel).GetStats(pb.GetStatsRequest(group_by=group_by, **request))  # type: ignore[arg-type] # plain numbers are allowed
    return list(response.rows)


async def resolve(channel: grpc.aio.Channel, *steps: object, scope: str = "", builder: str = "") -> None:
    nodes = [ResolveRequest.Node(step=step_to_message(step)) for step in steps]  # type: ignore[arg-type]
    await StepCacheStub(channel).Resolve(ResolveRequest(scope=scope, builder=builder, steps=nodes))


async def test_nothing_yet_is_one_row_of_zeros(channel: grpc.aio.Channel) -> None:
    [row] = await get(channel)
    assert row == pb.GetStatsResponse.Row(counters=pb.Counters(saved={}))


async def test_steps_are_counted_as_hits_and_misses_with_the_time_saved(channel: grpc.aio.Channel) -> None:
    await upload(channel, PLAIN)
    request = commit_request(STEP, result_of(PLAIN))
    request.builder = "builder-1"
    await StepCacheStub(channel).Commit(request)
    await StepCacheStub(channel).Commit(request)
    copy = replace(STEP, instruction=Instruction("COPY", ("a", "b")))
    await resolve(channel, STEP, copy, STEP, builder="builder-2")
    rows = await get(channel, Field.INSTRUCTION)
    counters = {row.instruction: row.counters for row in rows}
    assert list(counters) == ["", "COPY", "RUN"]
    assert (counters["RUN"].lookups, counters["RUN"].hits, counters["RUN"].misses) == (2, 2, 0)
    assert counters["RUN"].saved.ToTimedelta().total_seconds() == 5.0
    assert counters["RUN"].commits == 1
    assert (counters["COPY"].lookups, counters["COPY"].hits, counters["COPY"].misses) == (1, 0, 1)
    assert counters[""].bytes_in == len(PLAIN)
    by_builder = {row.builder: row.counters for row in await get(channel, Field.BUILDER)}
    assert by_builder["builder-1"].commits == 1
    assert by_builder["builder-2"].lookups == 3


async def test_steps_that_are_not_looked_up_are_not_counted(channel: grpc.aio.Channel) -> None:
    node = ResolveRequest.Node(step=step_to_message(STEP), inputs_pending=True)
    await StepCacheStub(channel).Resolve(ResolveRequest(steps=[node]))
    assert (await get(channel))[0].counters.lookups == 0


async def test_blob_bytes_are_counted_before_compression(channel: grpc.aio.Channel) -> None:
    await upload(channel, LARGE, instance="team/app")
    await upload(channel, LARGE, instance="team/app")
    await download(channel, read_name(LARGE, instance="team/app"), offset=500_000)
    await download(channel, read_name(LARGE, "compressed-blobs/zstd", "team/app"))
    cas = ContentAddressableStorageStub(channel)
    update = reapi.BatchUpdateBlobsRequest.Request(digest=digest_of(b"abc"), data=b"abc")
    await cas.BatchUpdateBlobs(reapi.BatchUpdateBlobsRequest(instance_name="team/app", requests=[update]))
    await cas.BatchReadBlobs(reapi.BatchReadBlobsRequest(instance_name="team/app", digests=[digest_of(b"abc")]))
    [row] = await get(channel, Field.PROJECT)
    assert row.project == "team/app"
    assert (row.counters.bytes_in, row.counters.bytes_out) == (len(LARGE) + 3, 2 * len(LARGE) - 500_000 + 3)


async def test_bytes_of_a_refused_upload_were_received_all_the_same(channel: grpc.aio.Channel) -> None:
    wrong = write_requests(write_name(LARGE), b"?" + LARGE[1:])
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        await ByteStreamStub(channel).Write(iter(wrong))
    assert (await get(channel))[0].counters.bytes_in == len(LARGE)


async def test_the_builder_is_who_says_so_first(channel: grpc.aio.Channel) -> None:
    tool = reapi.RequestMetadata(tool_details=reapi.ToolDetails(tool_name="bazel")).SerializeToString()
    calls: list[tuple[str, list[tuple[str, str | bytes]]]] = [
        ("field", [(BUILDER_KEY, "metadata"), (REQUEST_METADATA_KEY, tool)]),
        ("", [(BUILDER_KEY, "metadata"), (REQUEST_METADATA_KEY, tool)]),
        ("", [(REQUEST_METADATA_KEY, tool)]),
        ("", []),
    ]
    for builder, metadata in calls:
        request = ResolveRequest(builder=builder, steps=[ResolveRequest.Node(step=step_to_message(STEP))])
        await StepCacheStub(channel).Resolve(request, metadata=tuple(metadata))
    assert [row.builder for row in await get(channel, Field.BUILDER)] == ["127.0.0.1", "bazel", "field", "metadata"]


@pytest.mark.parametrize(
    "metadata",
    [(BUILDER_KEY, "x" * 129), (REQUEST_METADATA_KEY, b"\xff"), (REQUEST_METADATA_KEY, b"\x0a\x03\x0a\x01\x07")],
)
async def test_a_malformed_builder_is_refused(channel: grpc.aio.Channel, metadata: tuple[str, str | bytes]) -> None:
    read = stream.ReadRequest(resource_name=read_name(b""))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, metadata[0]):
        async for _ in ByteStreamStub(channel).Read(read, metadata=(metadata,)):
            pass


async def test_rows_can_be_narrowed_and_come_in_order(channel: grpc.aio.Channel) -> None:
    for scope in ("b/two", "a/one@x", "a/one"):
        for builder in ("z", "y"):
            await resolve(channel, STEP, scope=scope, builder=builder)
    rows = await get(channel, Field.BUILDER, Field.PROJECT)
    assert [(row.builder, row.project, row.counters.lookups) for row in rows] == [
        ("y", "a/one", 2),
        ("y", "b/two", 1),
        ("z", "a/one", 2),
        ("z", "b/two", 1),
    ]
    [row] = await get(channel, project="a/one")
    assert (row.project, row.counters.lookups) == ("", 4)
    [row] = await get(channel, Field.DAY, since=Timestamp(seconds=int(1e9)))
    assert (len(row.day), row.counters.lookups) == (10, 6)
    for later in (int(1e11), END_OF_TIME - 1):
        assert await get(channel, Field.DAY, since=Timestamp(seconds=later)) == []


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetStatsRequest(group_by=[Field.FIELD_UNSPECIFIED]), "group_by[0]"),
        (pb.GetStatsRequest(group_by=[Field.DAY, 9]), "group_by[1]"),  # type: ignore[list-item] # a later version's
        (pb.GetStatsRequest(since=Timestamp(seconds=-1)), "since"),
        (pb.GetStatsRequest(since=Timestamp(seconds=END_OF_TIME)), "since"),
        (pb.GetStatsRequest(since=Timestamp(seconds=END_OF_TIME - 1, nanos=999_999_999)), "since"),
    ],
)
async def test_a_malformed_request_is_refused(
    channel: grpc.aio.Channel, request_: pb.GetStatsRequest, field: str
) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: "):
        await StatsStub(channel).GetStats(request_)


async def test_too_many_rows_are_refused(channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "MAX_ROWS", 1)
    await resolve(channel, STEP, builder="a")
    await resolve(channel, STEP, builder="b")
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "group by less"):
        await get(channel, Field.BUILDER)


def test_the_api_and_the_counters_are_told_apart_by_the_same_fields() -> None:
    assert {field.name for field in GroupBy} == set(pb.GetStatsRequest.Field.keys()) - {"FIELD_UNSPECIFIED"}
    assert {field.value for field in GroupBy} == set(CounterKey.__slots__)
