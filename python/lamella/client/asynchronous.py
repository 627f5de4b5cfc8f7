"""The client for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as cas
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella.client import download, keep, report, step_calls, store_usage, upload
from lamella.client.connection import Connection
from lamella.client.delta import Delta
from lamella.wire.blob import BlobName, blob_from_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from lamella.client.blob import Blob
    from lamella.client.chunk_cache import ChunkCache
    from lamella.model import Digest, GroupBy, Scope, Step, StepResult
    from lamella.steps.commit import Committed
    from lamella.steps.resolve import Answer, Node

DIGESTS_PER_CALL = 10_000
"""How many digests are asked for in one ``FindMissingBlobs``: about 800 kB."""


def ignore_progress(_: int) -> None:
    """Report progress to nobody."""


class AsyncClient(Connection):
    """Talks to one server, for one scope and builder; use it as ``async with AsyncClient() as client``.

    Every method raises ``ClientError`` where its call fails; calls are tried again while the server cannot be reached.
    A ``progress`` function is told of further blob bytes that have gone over the wire (or need not).

    With a ``chunk_cache``, of large files that are not compressed only what is new is sent or received, where the
    server can do that: ``traffic.saved`` counts the rest.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        scope: Scope | None = None,
        builder: str = "",
        chunk_cache: ChunkCache | None = None,
    ) -> None:
        super().__init__(address, scope=scope, builder=builder)
        self._delta = None if chunk_cache is None else Delta(self, chunk_cache)

    async def capabilities(self) -> report.Capabilities:
        """Ask what the server can do."""
        return await report.get_capabilities(self)

    async def is_serving(self) -> bool:
        """Ask whether the server accepts work."""
        return await report.is_serving(self)

    async def missing(self, blobs: Iterable[tuple[Digest, int]]) -> set[Digest]:
        """Return which of some digests, given with their sizes in bytes, the server does not have."""
        names = [BlobName(digest, size).message for digest, size in blobs]
        stub = ContentAddressableStorageStub(self.channel)
        absent: set[Digest] = set()
        for start in range(0, len(names), DIGESTS_PER_CALL):
            request = cas.FindMissingBlobsRequest(
                instance_name=self.instance, blob_digests=names[start : start + DIGESTS_PER_CALL]
            )
            response = await self.unary(stub.FindMissingBlobs, request)
            absent.update(blob_from_message(message, "digest").digest for message in response.missing_blob_digests)
        return absent

    async def sizes(self, digests: Iterable[Digest]) -> dict[Digest, int]:
        """Return the sizes in bytes of those blobs that the server has."""
        return await report.get_sizes(self, digests)

    async def upload(self, blobs: Sequence[Blob], progress: Callable[[int], None] = ignore_progress) -> set[Digest]:
        """Send the blobs that the server does not have, and return the digests of these.

        Small blobs share messages, large ones stream and are resumed where they broke off.

        Raises:
            OSError: a file cannot be read.
        """
        absent = await self.missing((blob.digest, blob.size) for blob in blobs)
        wanted = {blob.digest: blob for blob in blobs if blob.digest in absent}
        progress(sum(blob.size for blob in blobs if blob.digest not in absent))
        blobs = list(wanted.values())
        if self._delta is None:
            await upload.upload_all(self, blobs, progress)
        else:
            await self._delta.upload(blobs, progress)
        return absent

    async def keep(self, digest: Digest, size: int, blobs: Iterable[tuple[Digest, int]]) -> None:
        """Let the server keep blobs together, under the name of one of them; others go soon after their last use.

        Raises:
            NotReady: the server does not have one of them.
        """
        await keep.keep(self, BlobName(digest, size), [BlobName(*blob) for blob in blobs])

    async def use(self, digest: Digest, size: int) -> None:
        """Count what was kept under a blob's name as used, if anything was."""
        await keep.use(self, BlobName(digest, size))

    async def download(
        self, digest: Digest, size: int, path: Path, progress: Callable[[int], None] = ignore_progress
    ) -> None:
        """Write a blob to a file, which appears complete and verified, in place of what was there, or not at all.

        Raises:
            Missing: the server does not have it.
            SizeMismatch, DigestMismatch: the server sent something else.
            OSError: the file cannot be written.
        """
        blob = BlobName(digest, size)
        if self._delta is None:
            await download.download_file(self, blob, path, progress)
        else:
            await self._delta.download(blob, path, progress)

    async def read(self, digest: Digest, size: int, most: int) -> bytes:
        """Return a small blob; raises as ``download`` does, and ``LimitExceeded`` for more than ``most`` bytes."""
        return await download.download_bytes(self, digest, size, most)

    async def resolve(self, nodes: Sequence[Node]) -> list[Answer]:
        """Look up the steps of a Dockerfile, and return one answer for each, in their order."""
        return await step_calls.resolve(self, nodes)

    async def commit(self, step: Step, key: Digest, result: StepResult) -> Committed:
        """Keep the result of a step, whose layer must have been uploaded; the first result of a key stays.

        Raises:
            Refused: the key is not the step's, or the diff_id not the layer's.
            NotReady: the layer is not in the store.
        """
        return await step_calls.commit(self, step, key, result)

    async def stats(
        self, group_by: Sequence[GroupBy] = (), *, project: str = "", since: float | None = None
    ) -> list[report.StatsRow]:
        """Return counters, a row for each combination of the fields in ``group_by``.

        ``project`` is a ``tenant/project`` to count alone, ``since`` the seconds since the epoch to count from.
        """
        return await report.get_stats(self, group_by, project, since)

    async def usage(self, *, project: str = "") -> store_usage.StoreUsage:
        """Return what the store holds, and what of it each project needs, or a ``tenant/project`` alone."""
        return await store_usage.get_usage(self, project)
