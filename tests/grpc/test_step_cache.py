import gzip
from dataclasses import replace

import grpc
import pytest

from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella._proto.lamella.v1.step_cache_pb2_grpc import StepCacheStub
from lamella.model import (
    MEDIA_TYPE_LAYER,
    MEDIA_TYPE_LAYER_GZIP,
    SCRATCH,
    Descriptor,
    Digest,
    ExecutionContext,
    Instruction,
    Layer,
    Platform,
    Step,
    StepResult,
    extend_chain,
)
from lamella.server.grpc import step_cache
from lamella.steps.key import step_key
from lamella.wire.result import result_from_message, result_to_message
from lamella.wire.step import step_to_message
from tests.grpc.calls import details_of, refused, upload
from tests.grpc.conftest import Server
from tests.grpc.tars import tar_of

Node = pb.ResolveRequest.Node
HIT, MISS, UNKNOWN = pb.ResolveResponse.HIT, pb.ResolveResponse.MISS, pb.ResolveResponse.UNKNOWN

STEP = Step(Platform("linux", "amd64"), SCRATCH, ExecutionContext(), Instruction("RUN", ("make",)))
PLAIN = tar_of({"app": b"content" * 1000})


def layer_of(data: bytes, tar: bytes, media_type: str) -> Layer:
    return Layer(Descriptor(Digest.of(data), len(data), media_type), Digest.of(tar))


def result_of(tar: bytes) -> StepResult:
    return StepResult(layer_of(tar, tar, MEDIA_TYPE_LAYER), '{"User":"app"}', 2.5, "builder-1", 1_700_000_000)


def commit_request(step: Step, result: StepResult, scope: str = "") -> pb.CommitRequest:
    return pb.CommitRequest(
        scope=scope,
        step=step_to_message(step),
        parent_chain_id="" if step.parent == SCRATCH else str(step.parent),
        key=str(step_key(step)),
        result=result_to_message(result),
    )


async def commit(channel: grpc.aio.Channel, step: Step, result: StepResult, scope: str = "") -> pb.CommitResponse:
    answer: pb.CommitResponse = await StepCacheStub(channel).Commit(commit_request(step, result, scope))
    return answer


async def resolve(channel: grpc.aio.Channel, *nodes: Node, scope: str = "") -> list[pb.ResolveResponse.Answer]:
    response = await StepCacheStub(channel).Resolve(pb.ResolveRequest(scope=scope, steps=nodes))
    return list(response.answers)


async def test_a_committed_step_hits(channel: grpc.aio.Channel) -> None:
    [missed] = await resolve(channel, Node(step=step_to_message(STEP)))
    assert (missed.status, missed.key) == (MISS, str(step_key(STEP)))
    await upload(channel, PLAIN)
    committed = await commit(channel, STEP, result_of(PLAIN))
    chain = str(Digest.of(PLAIN))
    assert (committed.created, committed.chain_id) == (True, chain)
    [answer] = await resolve(channel, Node(step=step_to_message(STEP)))
    assert (answer.status, answer.chain_id) == (HIT, chain)
    assert result_from_message(answer.result, "result") == result_of(PLAIN)


async def test_a_step_above_a_hit_is_looked_up_by_the_chain_below_it(channel: grpc.aio.Channel) -> None:
    other = tar_of({"b": b""})
    above = replace(STEP, parent=extend_chain(SCRATCH, Digest.of(PLAIN)), instruction=Instruction("RUN", ("test",)))
    for data, step in ((PLAIN, STEP), (other, above)):
        await upload(channel, data)
        await commit(channel, step, result_of(data))
    changed = replace(above, instruction=Instruction("RUN", ("changed",)))
    answers = await resolve(
        channel,
        Node(step=step_to_message(STEP)),
        Node(step=step_to_message(above), index=0),
        Node(step=step_to_message(above), chain_id=str(above.parent)),
        Node(step=step_to_message(changed), index=0),
        Node(step=step_to_message(above), index=3),
        Node(step=step_to_message(above), inputs_pending=True),
    )
    assert [answer.status for answer in answers] == [HIT, HIT, HIT, MISS, UNKNOWN, UNKNOWN]
    assert answers[1].chain_id == str(extend_chain(above.parent, Digest.of(other)))


async def test_the_first_result_of_a_key_stays(channel: grpc.aio.Channel) -> None:
    other = tar_of({"other": b""})
    await upload(channel, PLAIN)
    await upload(channel, other)
    await commit(channel, STEP, result_of(PLAIN))
    answer = await commit(channel, STEP, result_of(other))
    assert not answer.created
    assert result_from_message(answer.result, "result") == result_of(PLAIN)
    assert answer.chain_id == str(Digest.of(PLAIN))


async def test_a_step_that_changes_no_file_keeps_the_chain(channel: grpc.aio.Channel) -> None:
    parent = Digest.of(b"parent")
    step = replace(STEP, parent=parent, instruction=Instruction("LABEL", ("a=b",)))
    answer = await commit(channel, step, StepResult(config_change='{"Labels":{"a":"b"}}'))
    assert answer.chain_id == str(parent)


async def test_a_step_whose_layer_is_gone_misses(channel: grpc.aio.Channel, server: Server) -> None:
    await upload(channel, PLAIN)
    await commit(channel, STEP, result_of(PLAIN))
    await server.store.delete(Digest.of(PLAIN))
    assert [answer.status for answer in await resolve(channel, Node(step=step_to_message(STEP)))] == [MISS]


async def test_a_scope_reads_its_own_results_and_those_of_main(channel: grpc.aio.Channel) -> None:
    await upload(channel, PLAIN)
    await commit(channel, STEP, result_of(PLAIN), scope="team/app@pull/1")
    node = Node(step=step_to_message(STEP))
    for scope, status in (("team/app@pull/1", HIT), ("team/app", MISS), ("team/app@pull/2", MISS)):
        assert [answer.status for answer in await resolve(channel, node, scope=scope)] == [status]
    await commit(channel, STEP, result_of(PLAIN), scope="team/app")
    for scope, status in (("team/app", HIT), ("team/app@pull/2", HIT), ("team/other", MISS)):
        assert [answer.status for answer in await resolve(channel, node, scope=scope)] == [status]


async def test_a_compressed_layer_is_checked_once_and_then_known(channel: grpc.aio.Channel, server: Server) -> None:
    data = gzip.compress(PLAIN)
    await upload(channel, data)
    result = replace(result_of(PLAIN), layer=layer_of(data, PLAIN, MEDIA_TYPE_LAYER_GZIP))
    assert (await commit(channel, STEP, result)).chain_id == str(Digest.of(PLAIN))
    record = server.store.layers.get(Digest.of(data))
    assert record is not None
    assert (record.diff_id, record.tar_size) == (Digest.of(PLAIN), len(PLAIN))
    another = replace(STEP, instruction=Instruction("RUN", ("other",)))
    assert (await commit(channel, another, result)).created
    assert not list((server.folder / "temporary").iterdir())


GZIP = gzip.compress(PLAIN)
BROKEN = GZIP[:-20]


@pytest.mark.parametrize(
    ("layer", "field"),
    [
        (layer_of(PLAIN, PLAIN + b"?", MEDIA_TYPE_LAYER), "diff_id"),
        (layer_of(GZIP, PLAIN + b"?", MEDIA_TYPE_LAYER_GZIP), "diff_id"),
        (layer_of(GZIP, GZIP, MEDIA_TYPE_LAYER), "media_type"),
        (layer_of(GZIP, GZIP, MEDIA_TYPE_LAYER_GZIP), "diff_id"),
        (layer_of(PLAIN, PLAIN, MEDIA_TYPE_LAYER_GZIP), "media_type"),
        (layer_of(BROKEN, PLAIN, MEDIA_TYPE_LAYER_GZIP), "digest"),
        (Layer(Descriptor(Digest.of(PLAIN), 1, MEDIA_TYPE_LAYER), Digest.of(PLAIN)), "size_bytes"),
    ],
)
async def test_a_layer_that_is_not_what_it_says_is_refused(channel: grpc.aio.Channel, layer: Layer, field: str) -> None:
    for data in (PLAIN, GZIP, BROKEN):
        await upload(channel, data)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, f"result.layer.{field}"):
        await commit(channel, STEP, StepResult(layer))
    assert [answer.status for answer in await resolve(channel, Node(step=step_to_message(STEP)))] == [MISS]


async def test_a_layer_that_is_not_in_the_store_is_a_failed_precondition(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.FAILED_PRECONDITION, str(Digest.of(PLAIN))) as caught:
        await commit(channel, STEP, result_of(PLAIN))
    assert len(details_of(caught.value).details) == 1


async def test_a_key_that_is_not_that_of_the_step_is_refused(channel: grpc.aio.Channel) -> None:
    request = commit_request(STEP, StepResult())
    request.key = str(Digest.of(b"another key"))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "key: "):
        await StepCacheStub(channel).Commit(request)


def _changed(field: str, value: object) -> pb.CommitRequest:
    request = commit_request(STEP, StepResult())
    setattr(request, field, value)
    return request


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (_changed("scope", "no scope"), "scope"),
        (_changed("builder", "\N{GREEK SMALL LETTER LAMDA}" * 65), "builder"),
        (_changed("builder", "tab\there"), "builder"),
        (_changed("key", "xyz"), "key"),
        (_changed("parent_chain_id", "xyz"), "parent_chain_id"),
        (pb.CommitRequest(), "step.platform"),
    ],
)
async def test_a_malformed_commit_is_refused(channel: grpc.aio.Channel, request_: pb.CommitRequest, field: str) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: "):
        await StepCacheStub(channel).Commit(request_)


@pytest.mark.parametrize(
    ("node", "field"),
    [
        (Node(), "steps[1].step.platform"),
        (Node(step=step_to_message(STEP), chain_id="xyz"), "steps[1].chain_id"),
        (Node(step=step_to_message(STEP), index=1), "steps[1].index"),
        (Node(step=step_to_message(replace(STEP, instruction=Instruction("run")))), "steps[1].step.instruction.name"),
    ],
)
async def test_a_malformed_resolve_is_refused(channel: grpc.aio.Channel, node: Node, field: str) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: "):
        await resolve(channel, Node(step=step_to_message(STEP)), node)


async def test_too_many_steps_are_refused(channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_cache, "MAX_STEPS", 1)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "limited to 1, not 2"):
        await resolve(channel, Node(), Node())
