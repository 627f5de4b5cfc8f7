"""Blobs that are pushed for their own sake: kept together, as the outputs of an action that one of them names."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ActionCacheStub
from lamella.client.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lamella.client.connection import Connection
    from lamella.wire.blob import BlobName


async def keep(connection: Connection, name: BlobName, blobs: Iterable[BlobName]) -> None:
    """Let the server keep blobs that it has for as long as it keeps what is used as ``name``.

    Raises:
        NotReady: it does not have one of them.
    """
    files = [pb.OutputFile(path=blob.digest.hex, digest=blob.message) for blob in blobs]
    request = pb.UpdateActionResultRequest(
        instance_name=connection.instance, action_digest=name.message, action_result=pb.ActionResult(output_files=files)
    )
    await connection.unary(ActionCacheStub(connection.channel).UpdateActionResult, request)


async def use(connection: Connection, name: BlobName) -> None:
    """Count what was kept under a name as used; it may be that nothing was."""
    request = pb.GetActionResultRequest(instance_name=connection.instance, action_digest=name.message)
    with suppress(Missing):
        await connection.unary(ActionCacheStub(connection.channel).GetActionResult, request)
