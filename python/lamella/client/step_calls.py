"""The step API's calls: a whole Dockerfile resolved at once, a result committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella._proto.lamella.v1.step_cache_pb2_grpc import StepCacheStub
from lamella.client.errors import ServerFailed
from lamella.model import SCRATCH
from lamella.steps.commit import Committed
from lamella.steps.resolve import Answer, Node, Status
from lamella.wire.fields import parse_digest
from lamella.wire.result import result_from_message, result_to_message
from lamella.wire.step import step_to_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella.client.connection import Connection
    from lamella.model import Digest, Step, StepResult

_STATUSES = {
    pb.ResolveResponse.HIT: Status.HIT,
    pb.ResolveResponse.MISS: Status.MISS,
    pb.ResolveResponse.UNKNOWN: Status.UNKNOWN,
}


async def resolve(connection: Connection, nodes: Sequence[Node]) -> list[Answer]:
    """Call ``StepCache.Resolve``; see ``AsyncClient.resolve``."""
    request = pb.ResolveRequest(
        scope=connection.instance, builder=connection.builder, steps=[_node_to_message(node) for node in nodes]
    )
    response = await connection.unary(StepCacheStub(connection.channel).Resolve, request)
    if len(response.answers) != len(nodes):
        raise ServerFailed(connection.address, f"{len(response.answers)} answers for {len(nodes)} steps")
    return [_answer_from_message(answer, f"answers[{place}]") for place, answer in enumerate(response.answers)]


async def commit(connection: Connection, step: Step, key: Digest, result: StepResult) -> Committed:
    """Call ``StepCache.Commit``; see ``AsyncClient.commit``."""
    request = pb.CommitRequest(
        scope=connection.instance,
        builder=connection.builder,
        step=step_to_message(step),
        parent_chain_id=_chain_id(step.parent),
        key=str(key),
        result=result_to_message(result),
    )
    response = await connection.unary(StepCacheStub(connection.channel).Commit, request)
    return Committed(
        result=result_from_message(response.result, "result"),
        chain_id=parse_digest(response.chain_id, "chain_id") if response.chain_id else SCRATCH,
        created=response.created,
    )


def _chain_id(chain: Digest) -> str:
    return "" if chain == SCRATCH else str(chain)


def _node_to_message(node: Node) -> pb.ResolveRequest.Node:
    message = pb.ResolveRequest.Node(step=step_to_message(node.step), inputs_pending=node.inputs_pending)
    if node.after is not None:
        message.index = node.after
    elif node.step.parent != SCRATCH:
        message.chain_id = str(node.step.parent)
    return message


def _answer_from_message(message: pb.ResolveResponse.Answer, field: str) -> Answer:
    status = _STATUSES.get(message.status, Status.UNKNOWN)
    if status is Status.UNKNOWN:
        return Answer(status)
    key = parse_digest(message.key, f"{field}.key")
    if status is Status.MISS:
        return Answer(status, key)
    chain = parse_digest(message.chain_id, f"{field}.chain_id") if message.chain_id else SCRATCH
    return Answer(status, key, result_from_message(message.result, f"{field}.result"), chain)
