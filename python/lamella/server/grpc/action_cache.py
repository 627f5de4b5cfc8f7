"""REAPI ActionCache: results by action, each good only while all of its blobs are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ActionCacheServicer
from lamella.errors import LimitExceeded, MissingBlobs, NoResult
from lamella.server.grpc.action_blobs import blobs_of
from lamella.server.grpc.caller import caller
from lamella.server.grpc.limits import MAX_ACTION_RESULT
from lamella.wire.blob import blob_from_message, check_digest_function

if TYPE_CHECKING:
    from lamella.server.domain import Domain
    from lamella.server.grpc.caller import Context


class ActionCache(ActionCacheServicer):
    """A scope reads its own results and those of its project's main, and writes its own."""

    def __init__(self, domain: Domain) -> None:
        self._actions = domain.actions
        self._store = domain.store

    async def GetActionResult(  # noqa: N802 - the name of the RPC
        self, request: pb.GetActionResultRequest, context: Context
    ) -> pb.ActionResult:
        """Return a result all of whose blobs are in the store; it and they count as used now."""
        who = caller(context, request.instance_name)
        check_digest_function(request.digest_function)
        action = blob_from_message(request.action_digest, "action_digest").digest
        for scope in who.scope.readable:
            encoded = self._actions.get(str(scope), action)
            if encoded is None:
                continue
            result = pb.ActionResult.FromString(encoded)
            blobs = await blobs_of(self._store, result)
            if not blobs.lost and not await self._store.missing(blobs.named):
                self._actions.note_use(str(scope), action)
                return result
        raise NoResult(action)

    async def UpdateActionResult(  # noqa: N802 - the name of the RPC
        self, request: pb.UpdateActionResultRequest, context: Context
    ) -> pb.ActionResult:
        """Keep a result in the caller's scope, instead of an earlier one."""
        who = caller(context, request.instance_name)
        check_digest_function(request.digest_function)
        action = blob_from_message(request.action_digest, "action_digest").digest
        encoded = request.action_result.SerializeToString()
        if len(encoded) > MAX_ACTION_RESULT:
            raise LimitExceeded("the size of an action result", MAX_ACTION_RESULT, len(encoded))
        blobs = await blobs_of(self._store, request.action_result)
        missing = blobs.lost | await self._store.missing(blobs.named)
        if missing := missing or await self._actions.put(str(who.scope), action, encoded, blobs.named):
            raise MissingBlobs(missing)
        return request.action_result
