"""lamella.v1.Delta: large blobs as recipes, and the chunks that one side lacks."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella._proto.lamella.v1.delta_pb2_grpc import DeltaServicer
from lamella.errors import Invalid, LimitExceeded, NoChunks, SizeMismatch
from lamella.index import Counters
from lamella.server.grpc.caller import caller
from lamella.server.grpc.delta_pull import ChunkDispatch
from lamella.server.grpc.delta_push import ChunkReception
from lamella.server.grpc.limits import MAX_DELTA_FRAMES, MAX_DELTAS
from lamella.server.grpc.upload import next_message
from lamella.store.packer import PACKED_MAX
from lamella.store.protocol import BlobInfo
from lamella.wire.chunk_frames import MAX_PART, MAX_RECIPE, to_bitmap
from lamella.wire.fields import parse_digest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lamella.server.domain import Domain
    from lamella.server.grpc.caller import Caller, Context


class Delta(DeltaServicer):
    """A push ends in a cold blob; what broke off is begun again from its start, less the packs that were full."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._slots = asyncio.Semaphore(MAX_DELTAS)
        self._work = asyncio.Semaphore(MAX_DELTA_FRAMES)

    async def Push(  # noqa: N802 - the name of the RPC
        self, requests: AsyncIterator[pb.PushRequest], context: Context
    ) -> AsyncIterator[pb.PushResponse]:
        """Take a recipe, tell which of its chunks are missing, take these, and make the blob."""
        messages = aiter(requests)
        first = await next_message(messages)
        if first is None or first.WhichOneof("part") != "begin":
            raise Invalid("part", "must be begin in the first message")
        begin = first.begin
        who = caller(context, begin.instance_name)
        blob = self._checked(begin)
        base_digest = parse_digest(begin.base_digest, "begin.base_digest") if begin.base_digest else None
        async with self._slots:
            data = await _recipe(messages, begin.recipe_size_bytes)
            async with (
                self._domain.receiver.receive(blob, data) as incoming,
                self._domain.bases.open(base_digest if incoming.missing else None) as base,
            ):
                missing = to_bitmap(incoming.missing, len(incoming.chunks))
                yield pb.PushResponse(wanted=pb.PushResponse.Wanted(missing=missing, has_base=base is not None))
                reception = ChunkReception(incoming, base, self._work)
                try:
                    await reception.run(messages)
                finally:
                    self._count(who, Counters(bytes_in=reception.received))
                await self._domain.receiver.commit(incoming)
            yield pb.PushResponse(done=pb.PushResponse.Done())

    async def Pull(  # noqa: N802 - the name of the RPC
        self, requests: AsyncIterator[pb.PullRequest], context: Context
    ) -> AsyncIterator[pb.PullResponse]:
        """Send a recipe, and those of its chunks that the client asks for then."""
        messages = aiter(requests)
        begin = (await _next_pull(messages, "begin")).begin
        who = caller(context, begin.instance_name)
        digest = parse_digest(begin.digest, "begin.digest")
        size = (await self._domain.store.stat(digest)).size
        if size != begin.size_bytes:
            raise SizeMismatch(digest, begin.size_bytes, size)
        async with self._slots, self._domain.sender.send(digest) as outgoing:
            if outgoing.size > MAX_RECIPE:
                raise NoChunks(digest, f"its recipe has {outgoing.size} bytes, more than {MAX_RECIPE}")
            told = outgoing.size
            for part in outgoing.parts(MAX_PART):
                yield pb.PullResponse(recipe_size_bytes=told, recipe=part)
                told = 0
            wanted = (await _next_pull(messages, "wanted")).wanted
            base_digest = parse_digest(wanted.base_digest, "wanted.base_digest") if wanted.base_digest else None
            async with self._domain.bases.open(base_digest if wanted.groups else None) as base:
                dispatch = ChunkDispatch(outgoing, base, self._work)
                try:
                    async with aclosing(dispatch.frames(wanted)) as frames:
                        async for frame in frames:
                            yield pb.PullResponse(chunks=frame)
                finally:
                    self._count(who, Counters(bytes_out=dispatch.sent))

    def _checked(self, begin: pb.PushRequest.Begin) -> BlobInfo:
        """Return the blob that is pushed, if it may have this size, and its recipe, too."""
        blob = BlobInfo(parse_digest(begin.digest, "begin.digest"), begin.size_bytes)
        if blob.size <= PACKED_MAX:
            raise Invalid("begin.size_bytes", f"is {blob.size}: a blob of up to {PACKED_MAX} bytes is its own chunk")
        if blob.size > self._domain.max_blob_size:
            raise LimitExceeded("the size of a blob", self._domain.max_blob_size, blob.size)
        if begin.recipe_size_bytes < 1:
            raise Invalid("begin.recipe_size_bytes", f"is {begin.recipe_size_bytes}")
        if begin.recipe_size_bytes > MAX_RECIPE:
            raise LimitExceeded("the size of a recipe", MAX_RECIPE, begin.recipe_size_bytes)
        return blob

    def _count(self, who: Caller, counters: Counters) -> None:
        self._domain.recorder.add(counters, project=who.scope.name, builder=who.builder)


async def _recipe(messages: AsyncIterator[pb.PushRequest], size: int) -> bytes:
    """Return a recipe that comes in parts."""
    data = bytearray()
    while len(data) < size:
        message = await next_message(messages)
        if message is None or message.WhichOneof("part") != "recipe" or not message.recipe:
            raise Invalid("part", f"must be the next of {size} bytes of the recipe, of which {len(data)} have come")
        if len(message.recipe) > MAX_PART:
            raise LimitExceeded("a part of a recipe", MAX_PART, len(message.recipe))
        data += message.recipe
    if len(data) > size:
        raise Invalid("recipe", f"has {len(data)} bytes or more, not {size}")
    return bytes(data)


async def _next_pull(messages: AsyncIterator[pb.PullRequest], part: str) -> pb.PullRequest:
    message = await next_message(messages)
    if message is None or message.WhichOneof("part") != part:
        raise Invalid("part", f"must be {part} now")
    return message
