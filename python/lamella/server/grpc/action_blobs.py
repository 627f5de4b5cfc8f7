"""Which blobs the result of an action needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella.errors import Corrupted, Invalid, NotFound
from lamella.server.grpc.directories import files_of, read_message, walk
from lamella.wire.blob import blob_from_message

if TYPE_CHECKING:
    from lamella.model import Digest
    from lamella.store.protocol import BlobStore


@dataclass(frozen=True, slots=True)
class ActionBlobs:
    """``named`` are all blobs that are named, by the result or through its directories.

    ``lost`` are those among them whose bytes name others, and that the store does not have, or no longer whole.
    """

    named: set[Digest]
    lost: set[Digest]


async def blobs_of(store: BlobStore, result: pb.ActionResult) -> ActionBlobs:
    """Return the blobs that a result refers to.

    Raises:
        Invalid: a digest is malformed, or a directory's blob is not what it should be.
        LimitExceeded: a directory is too large to look into.
    """
    named: set[Digest] = set()
    lost: set[Digest] = set()
    for place, file in enumerate(result.output_files):
        named.add(blob_from_message(file.digest, f"action_result.output_files[{place}].digest").digest)
    for field in ("stdout_digest", "stderr_digest"):
        if result.HasField(field):
            named.add(blob_from_message(getattr(result, field), f"action_result.{field}").digest)
    for place, output in enumerate(result.output_directories):
        field = f"action_result.output_directories[{place}]"
        if output.HasField("tree_digest"):
            named |= await _tree(store, output.tree_digest, f"{field}.tree_digest", lost)
        if output.HasField("root_directory_digest"):
            root = blob_from_message(output.root_directory_digest, f"{field}.root_directory_digest").digest
            async for digest, directory in walk(store, root, lost):
                named |= {digest} | files_of([directory], field)
    return ActionBlobs(named | lost, lost)


async def blobs_of_encoded(store: BlobStore, encoded: bytes) -> set[Digest]:
    """Return the blobs that an encoded result refers to; implements ``maintenance.references.ReadAction``.

    Raises:
        NotFound: one of them, that has to be read for this, is not in the store.
        Invalid, LimitExceeded: as for ``blobs_of``, or it is no result.
    """
    try:
        result = pb.ActionResult.FromString(encoded)
    except DecodeError:
        raise Invalid("action_result", "is not an encoded ActionResult") from None
    blobs = await blobs_of(store, result)
    if blobs.lost:
        raise NotFound(min(blobs.lost))
    return blobs.named


async def _tree(store: BlobStore, message: pb.Digest, field: str, lost: set[Digest]) -> set[Digest]:
    digest = blob_from_message(message, field).digest
    try:
        tree = await read_message(store, digest, pb.Tree)
    except (NotFound, Corrupted):
        lost.add(digest)
        return set()
    return {digest} | files_of([tree.root, *tree.children], field)
