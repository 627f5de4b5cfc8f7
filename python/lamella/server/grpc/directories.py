"""Trees of REAPI Directory messages: walking them, and collecting the blobs that they name."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError, Message

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella.errors import Corrupted, Invalid, LimitExceeded, NotFound
from lamella.server.grpc.limits import MAX_DIRECTORY, MAX_TREE_DIRECTORIES
from lamella.store.small_blobs import read_blob
from lamella.wire.blob import blob_from_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from lamella.model import Digest
    from lamella.store.protocol import BlobStore

M = TypeVar("M", bound=Message)


async def read_message(store: BlobStore, digest: Digest, kind: type[M]) -> M:
    """Read a blob that is an encoded message.

    Raises:
        NotFound: the store does not have it.
        LimitExceeded: it is larger than ``MAX_DIRECTORY``.
        Invalid: its bytes are no such message.
    """
    size = (await store.stat(digest)).size
    if size > MAX_DIRECTORY:
        raise LimitExceeded("the size of a Directory or Tree", MAX_DIRECTORY, size)
    data = await read_blob(store, digest)
    try:
        return kind.FromString(data)
    except DecodeError:
        raise Invalid(str(digest), f"is not an encoded {kind.DESCRIPTOR.name}") from None


async def walk(store: BlobStore, root: Digest, missing: set[Digest]) -> AsyncIterator[tuple[Digest, pb.Directory]]:
    """Yield a directory and all below it, each once, the root first; lost ones go to ``missing``.

    Raises:
        LimitExceeded: there are more than ``MAX_TREE_DIRECTORIES``.
        Invalid: a blob is not an encoded Directory, or names one by a malformed digest.
    """
    seen, queue = {root}, deque([root])
    while queue:
        digest = queue.popleft()
        try:
            directory = await read_message(store, digest, pb.Directory)
        except (NotFound, Corrupted):
            missing.add(digest)
            continue
        yield digest, directory
        for node in directory.directories:
            child = blob_from_message(node.digest, f"{digest} directories").digest
            if child not in seen:
                seen.add(child)
                queue.append(child)
        if len(seen) > MAX_TREE_DIRECTORIES:
            raise LimitExceeded("directories of a tree", MAX_TREE_DIRECTORIES, len(seen))


def files_of(directories: Iterable[pb.Directory], field: str) -> set[Digest]:
    """Return the digests of the files that directories hold; raises ``Invalid`` for a malformed one."""
    return {blob_from_message(node.digest, field).digest for directory in directories for node in directory.files}
