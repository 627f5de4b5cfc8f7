"""One ``ByteStream.Write`` on its way into the store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from lamella.errors import Invalid, SizeMismatch, UploadStalled
from lamella.server.grpc.envelope import decode_write_request
from lamella.server.grpc.limits import MAX_IDLE_SECONDS
from lamella.server.grpc.zstd_stream import Decompressor
from lamella.store.small_blobs import write_blob

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from typing_extensions import Buffer

    from lamella.server.domain import Domain
    from lamella.server.grpc.envelope import WriteChunk
    from lamella.store.uploads import Upload as PartialUpload
    from lamella.wire.resource import Upload

T = TypeVar("T")


def upload_id(upload: Upload) -> str:
    """Return what an upload's partial file is known by: clients may use one UUID for several blobs (REAPI v2)."""
    return f"{upload.uuid}-{upload.resource.blob.digest.hex}"


async def next_message(messages: AsyncIterator[T]) -> T | None:
    """Return the next message of a stream, None at its end.

    Raises:
        UploadStalled: none came for ``MAX_IDLE_SECONDS``.
    """
    try:
        async with asyncio.timeout(MAX_IDLE_SECONDS):
            return await anext(messages, None)
    except TimeoutError:
        raise UploadStalled(MAX_IDLE_SECONDS) from None


class Reception:
    """Takes the messages of one call. ``received`` counts the blob's bytes as they come, whatever the call ends with.

    A partial file holds uncompressed bytes, also of a compressed upload: REAPI v2 counts ``write_offset`` of a first
    message in those, and a client continues with a new zstd frame.
    """

    def __init__(self, domain: Domain, upload: Upload, first: WriteChunk, messages: AsyncIterator[bytes]) -> None:
        self._domain = domain
        self._upload = upload
        self._blob = upload.resource.blob
        self._first = first
        self._messages = messages
        self._decompressor = Decompressor() if upload.resource.zstd else None
        self.received = 0

    async def run(self) -> int:
        """Take all messages and return the ``committed_size`` to answer.

        Raises:
            Invalid: a message is not the one that must follow, or its data is no zstd stream.
            SizeMismatch, DigestMismatch: the bytes are not the blob's; none are kept.
            UploadBusy: the upload is being continued by another call.
            UploadStalled: no message came for ``MAX_IDLE_SECONDS``.
        """
        first = self._first
        if first.finish_write and first.write_offset == 0 and self._decompressor is None:
            return await self._whole()
        async with self._domain.uploads.open(upload_id(self._upload)) as partial:
            if not 0 <= first.write_offset <= partial.size:
                raise Invalid("write_offset", f"is {first.write_offset}, but {partial.size} bytes have come so far")
            try:
                return await self._parts(partial)
            except (Invalid, SizeMismatch):
                partial.discard()
                raise

    async def _whole(self) -> int:
        """Store a blob that came in one message, without a partial file."""
        data = self._first.data
        self.received = len(data)
        self._check_size(len(data))
        await write_blob(self._domain.store, self._blob.digest, data)
        return len(data)

    async def _parts(self, partial: PartialUpload) -> int:
        chunk, sent = self._first, 0
        known = partial.size - chunk.write_offset
        while True:
            self._check_order(chunk, sent)
            sent += len(chunk.data)
            async for block in self._blocks(chunk.data):
                self.received += len(block)
                fresh = block[known:]
                known -= len(block) - len(fresh)
                if fresh:
                    await self._append(partial, fresh)
            if chunk.finish_write:
                break
            message = await next_message(self._messages)
            if message is None:
                return partial.size
            chunk = decode_write_request(message)
        if self._decompressor is not None and not self._decompressor.complete:
            raise Invalid("data", "ends within a zstd frame")
        self._check_size(partial.size)
        await partial.commit(self._blob.digest)
        return self._first.write_offset + sent

    async def _append(self, partial: PartialUpload, fresh: Buffer) -> None:
        size = partial.size + memoryview(fresh).nbytes
        if size > self._blob.size:
            self._check_size(size)
        await partial.write(fresh)

    async def _blocks(self, data: memoryview) -> AsyncIterator[memoryview]:
        if self._decompressor is None:
            yield data
            return
        async for block in self._decompressor.decompress(data):
            yield memoryview(block)

    def _check_size(self, size: int) -> None:
        if size != self._blob.size:
            raise SizeMismatch(self._blob.digest, self._blob.size, size)

    def _check_order(self, chunk: WriteChunk, sent: int) -> None:
        if chunk.resource_name not in ("", self._first.resource_name):
            raise Invalid("resource_name", f"{chunk.resource_name!r} is not the one that the stream began with")
        expected = self._first.write_offset + sent
        if chunk.write_offset != expected:
            raise Invalid("write_offset", f"is {chunk.write_offset}, but must be {expected}")
