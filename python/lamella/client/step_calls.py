"""The step API's calls: a whole Dockerfile resolved at once, a result committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella._proto.lamella.v1.step_cache_pb2_grpc import StepCacheStub
from lamella.client.errors import ServerFailed
from lamella.steps.commit import Committed
from lamella.wire.resolve import answer_from_message, chain_from_message, chain_to_message, node_to_message
from lamella.wire.result import result_from_message, result_to_message
from lamella.wire.step import step_to_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella.client.connection import Connection
    from lamella.model import Digest, Step, StepResult
    from lamella.steps.resolve import Answer, Node


async def resolve(connection: Connection, nodes: Sequence[Node]) -> list[Answer]:
    """Call ``StepCache.Resolve``; see ``AsyncClient.resolve``."""
    request = pb.ResolveRequest(
        scope=connection.instance, builder=connection.builder, steps=[node_to_message(node) for node in nodes]
    )
    response = await connection.unary(StepCacheStub(connection.channel).Resolve, request)
    if len(response.answers) != len(nodes):
        raise ServerFailed(connection.address, f"{len(response.answers)} answers for {len(nodes)} steps")
    return [answer_from_message(answer, f"answers[{place}]") for place, answer in enumerate(response.answers)]


async def commit(connection: Connection, step: Step, key: Digest, result: StepResult) -> Committed:
    """Call ``StepCache.Commit``; see ``AsyncClient.commit``."""
    request = pb.CommitRequest(
        scope=connection.instance,
        builder=connection.builder,
        step=step_to_message(step),
        parent_chain_id=chain_to_message(step.parent),
        key=str(key),
        result=result_to_message(result),
    )
    response = await connection.unary(StepCacheStub(connection.channel).Commit, request)
    return Committed(
        result=result_from_message(response.result, "result"),
        chain_id=chain_from_message(response.chain_id, "chain_id"),
        created=response.created,
    )
