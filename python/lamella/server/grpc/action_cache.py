"""REAPI ActionCache: results by action, each good only while all of its blobs are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ActionCacheServicer
from lamella.errors import LimitExceeded, MissingBlobs, NoResult, NotFound
from lamella.server.grpc.caller import caller
from lamella.server.grpc.directories import files_of, read_message, walk
from lamella.server.grpc.limits import MAX_ACTION_RESULT
from lamella.wire.blob import blob_from_message, check_digest_function

if TYPE_CHECKING:
    from lamella.model import Digest
    from lamella.server.domain import Domain
    from lamella.server.grpc.caller import Context
    from lamella.store.protocol import BlobStore


class ActionCache(ActionCacheServicer):
    """A scope reads its own results and those of its project's main, and writes its own."""

    def __init__(self, domain: Domain) -> None:
        self._actions = domain.actions
        self._store = domain.store

    async def GetActionResult(  # noqa: N802 - the name of the RPC
        self, request: pb.GetActionResultRequest, context: Context
    ) -> pb.ActionResult:
        """Return a result all of whose blobs are in the store; they count as used now."""
        who = caller(context, request.instance_name)
        check_digest_function(request.digest_function)
        action = blob_from_message(request.action_digest, "action_digest").digest
        for scope in who.scope.readable:
            encoded = self._actions.get(str(scope), action)
            if encoded is None:
                continue
            result = pb.ActionResult.FromString(encoded)
            if not await missing_blobs(self._store, result):
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
        if missing := await missing_blobs(self._store, request.action_result):
            raise MissingBlobs(missing)
        await self._actions.put(str(who.scope), action, encoded)
        return request.action_result


async def missing_blobs(store: BlobStore, result: pb.ActionResult) -> set[Digest]:
    """Return the blobs that a result refers to, through its directories too, and the store does not have.

    Raises:
        Invalid: a digest is malformed, or a directory's blob is not what it should be.
        LimitExceeded: a directory is too large to look into.
    """
    wanted: set[Digest] = set()
    missing: set[Digest] = set()
    for place, file in enumerate(result.output_files):
        wanted.add(blob_from_message(file.digest, f"action_result.output_files[{place}].digest").digest)
    for field in ("stdout_digest", "stderr_digest"):
        if result.HasField(field):
            wanted.add(blob_from_message(getattr(result, field), f"action_result.{field}").digest)
    for place, directory in enumerate(result.output_directories):
        field = f"action_result.output_directories[{place}]"
        if directory.HasField("tree_digest"):
            wanted |= await _tree(store, directory.tree_digest, f"{field}.tree_digest", missing)
        if directory.HasField("root_directory_digest"):
            root = blob_from_message(directory.root_directory_digest, f"{field}.root_directory_digest").digest
            async for below in walk(store, root, missing):
                wanted |= files_of([below], field)
    return missing | await store.missing(wanted)


async def _tree(store: BlobStore, message: pb.Digest, field: str, missing: set[Digest]) -> set[Digest]:
    digest = blob_from_message(message, field).digest
    try:
        tree = await read_message(store, digest, pb.Tree)
    except NotFound:
        missing.add(digest)
        return set()
    return {digest} | files_of([tree.root, *tree.children], field)
