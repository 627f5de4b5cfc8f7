"""The step API: whole Dockerfiles resolved in one call, results committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella._proto.lamella.v1.step_cache_pb2_grpc import StepCacheServicer
from lamella.errors import LimitExceeded, MissingBlobs, NotFound
from lamella.index import Counters
from lamella.server.grpc.caller import caller
from lamella.server.grpc.limits import MAX_STEPS
from lamella.steps.commit import commit
from lamella.steps.resolve import Status, resolve
from lamella.wire.fields import parse_digest
from lamella.wire.resolve import answer_to_message, chain_from_message, node_from_message
from lamella.wire.result import result_from_message, result_to_message
from lamella.wire.step import step_from_message

if TYPE_CHECKING:
    from lamella.server.domain import Domain
    from lamella.server.grpc.caller import Caller, Context
    from lamella.steps.resolve import Answer


class StepCache(StepCacheServicer):
    """Converts, calls ``lamella.steps``, and counts."""

    def __init__(self, domain: Domain) -> None:
        self._results = domain.results
        self._layers = domain.layers
        self._recorder = domain.recorder

    async def Resolve(  # noqa: N802 - the name of the RPC
        self, request: pb.ResolveRequest, context: Context
    ) -> pb.ResolveResponse:
        """Look up the steps of a Dockerfile."""
        who = caller(context, request.scope, field="scope", builder=request.builder)
        if len(request.steps) > MAX_STEPS:
            raise LimitExceeded("steps in Resolve", MAX_STEPS, len(request.steps))
        nodes = [node_from_message(message, f"steps[{place}]") for place, message in enumerate(request.steps)]
        answers = await resolve(nodes, who.scope, self._results)
        for node, answer in zip(nodes, answers, strict=True):
            self._count(who, node.step.instruction.name, answer)
        return pb.ResolveResponse(answers=map(answer_to_message, answers))

    async def Commit(  # noqa: N802 - the name of the RPC
        self, request: pb.CommitRequest, context: Context
    ) -> pb.CommitResponse:
        """Keep the result of a step."""
        who = caller(context, request.scope, field="scope", builder=request.builder)
        step = step_from_message(request.step, chain_from_message(request.parent_chain_id, "parent_chain_id"), "step")
        key, result = parse_digest(request.key, "key"), result_from_message(request.result, "result")
        try:
            committed = await commit(step, key, result, who.scope, self._results, self._layers)
        except NotFound as error:
            raise MissingBlobs([error.digest]) from None
        if committed.created:
            self._recorder.add(
                Counters(commits=1),
                project=who.scope.name,
                builder=who.builder,
                instruction=step.instruction.name,
            )
        return pb.CommitResponse(
            result=result_to_message(committed.result), chain_id=str(committed.chain_id), created=committed.created
        )

    def _count(self, who: Caller, instruction: str, answer: Answer) -> None:
        if answer.status is Status.UNKNOWN:
            return
        saved = 0 if answer.result is None else round(answer.result.seconds * 1000)
        hit = answer.status is Status.HIT
        self._recorder.add(
            Counters(lookups=1, hits=int(hit), misses=int(not hit), saved_ms=saved),
            project=who.scope.name,
            builder=who.builder,
            instruction=instruction,
        )
