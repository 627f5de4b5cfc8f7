"""A small client of ``Delta``: what it sends can be altered on its way."""

from __future__ import annotations

import asyncio
import io
import tarfile
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import grpc
import grpc.aio

from lamella._core import Recipe, RecipeReader
from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella._proto.lamella.v1.delta_pb2_grpc import DeltaStub
from lamella.model import Digest
from lamella.wire.chunk_frames import MAX_PART, compress_chunks, decompress_chunks, from_bitmap, to_bitmap
from tests.releases import FILE_SIZE, release
from tests.unit.store.recipes import recipe_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path


Request = TypeVar("Request")
Response = TypeVar("Response")

OLD, NEW = release(0), release(1)
CHANGED = 3 * FILE_SIZE
"""Bytes of the files in which they differ."""

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined] # its stubs lack it


def edited(data: bytes, files: int = 3) -> bytes:
    """Return a tar in which every 256th byte of some files is another one, so that none of their chunks stays."""
    output = bytearray(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive.getmembers()[5 : 5 + files]:
            for place in range(entry.offset_data, entry.offset_data + entry.size, 256):
                output[place] ^= 1
    return bytes(output)


@dataclass
class Cut:
    """A blob, its recipe, and the bytes of its chunks by their numbers."""

    data: bytes
    recipe: bytes
    chunks: list[bytes] = field(init=False)
    parsed: Recipe = field(init=False)

    def __post_init__(self) -> None:
        self.parsed = Recipe(self.recipe)
        self.chunks = [self.data[offset : offset + size] for _, offset, size in self.parsed.distinct()]

    @classmethod
    def of(cls, data: bytes, folder: Path) -> Cut:
        return cls(data, recipe_of(data, folder))

    def begin(self, base: bytes | None = None) -> pb.PushRequest:
        return pb.PushRequest(
            begin=pb.PushRequest.Begin(
                digest=str(Digest.of(self.data)),
                size_bytes=len(self.data),
                recipe_size_bytes=len(self.recipe),
                base_digest="" if base is None else str(Digest.of(base)),
            )
        )

    def parts(self) -> Iterator[pb.PushRequest]:
        for start in range(0, len(self.recipe), MAX_PART):
            yield pb.PushRequest(recipe=self.recipe[start : start + MAX_PART])

    def frames(self, missing: Sequence[int], base: Cut | None = None) -> Iterator[pb.ChunkFrame]:
        position = 0
        for group in groups_of(self.parsed, missing, base):
            numbers = missing[position : position + group.chunks]
            position += group.chunks
            data = b"".join(self.chunks[number] for number in numbers)
            yield pb.ChunkFrame(group=group, data=compress_chunks(data, ranges_of(group, base)))

    def unpacked(self, frame: pb.ChunkFrame, numbers: Sequence[int], base: Cut | None = None) -> bytes:
        """Return what a frame of some chunks holds."""
        size = sum(len(self.chunks[number]) for number in numbers)
        return decompress_chunks(frame.data, size, ranges_of(frame.group, base))


def groups_of(recipe: Recipe, missing: Sequence[int], base: Cut | None) -> list[pb.ChunkGroup]:
    grouped = recipe.groups(missing, None if base is None else base.parsed)
    return [
        pb.ChunkGroup(chunks=count, base=[pb.BaseRange(offset=offset, size=size) for offset, size in ranges])
        for count, ranges in grouped
    ]


def ranges_of(group: pb.ChunkGroup, base: Cut | None) -> bytes:
    """Return the bytes of the base that a group refers to."""
    return b"" if base is None else b"".join(base.data[at.offset : at.offset + at.size] for at in group.base)


class Call(Generic[Request, Response]):
    """A call, one message after another."""

    def __init__(self, call: grpc.aio.StreamStreamCall[Request, Response]) -> None:
        self._call = call

    async def say(self, *requests: Request) -> None:
        """Send messages, as long as the server takes some."""
        with suppress(asyncio.InvalidStateError):
            for request in requests:
                await self._call.write(request)

    async def hear(self) -> Response:
        response = await self._call.read()
        assert response is not EOF
        return cast("Response", response)

    async def hang_up(self) -> None:
        """Say that no more is coming."""
        await self._call.done_writing()

    def cancel(self) -> None:
        self._call.cancel()


@dataclass
class Pushed:
    """What a push sent: the numbers of chunks, whether the server had the base, and bytes of frames."""

    missing: list[int]
    has_base: bool
    sent: int = 0


class Push(Call[pb.PushRequest, pb.PushResponse]):
    """One call of ``Push``, step by step."""

    def __init__(self, channel: grpc.aio.Channel, cut: Cut, base: Cut | None = None) -> None:
        super().__init__(DeltaStub(channel).Push())
        self._cut = cut
        self._base = base

    async def begin(self) -> Pushed:
        """Send the recipe, and learn what is missing."""
        await self.say(self._cut.begin(None if self._base is None else self._base.data), *self._cut.parts())
        wanted = (await self.hear()).wanted
        return Pushed(from_bitmap(wanted.missing, len(self._cut.chunks)), wanted.has_base)

    def frames(self, pushed: Pushed) -> list[pb.ChunkFrame]:
        return list(self._cut.frames(pushed.missing, self._base if pushed.has_base else None))

    async def send_frames(self, count: int) -> None:
        """Begin, and send the first frames."""
        await self.send(self.frames(await self.begin())[:count])

    async def send(self, frames: Sequence[pb.ChunkFrame]) -> None:
        await self.say(*(pb.PushRequest(chunks=frame) for frame in frames))

    async def end(self) -> None:
        assert (await self.hear()).WhichOneof("part") == "done"
        assert await self._call.read() is EOF
        assert await self._call.code() is grpc.StatusCode.OK


async def push(
    channel: grpc.aio.Channel,
    cut: Cut,
    base: Cut | None = None,
    alter: Callable[[list[pb.ChunkFrame]], list[pb.ChunkFrame]] = list,
) -> Pushed:
    """Push a blob, with frames ``alter``-ed, and wait until the server says that it is done."""
    call = Push(channel, cut, base)
    pushed = await call.begin()
    frames = alter(call.frames(pushed))
    pushed.sent = sum(len(frame.data) for frame in frames)
    await call.send(frames)
    await call.hang_up()
    await call.end()
    return pushed


@dataclass
class Pulled:
    """What a pull brought: the blob, and bytes of frames."""

    data: bytes
    received: int = 0
    used_base: bool = False


class Pull(Call[pb.PullRequest, pb.PullResponse]):
    """One call of ``Pull``, step by step."""

    def __init__(self, channel: grpc.aio.Channel, data: bytes) -> None:
        super().__init__(DeltaStub(channel).Pull())
        self.first = pb.PullRequest.Begin(digest=str(Digest.of(data)), size_bytes=len(data))

    async def begin(self) -> Recipe:
        """Receive the recipe."""
        await self.say(pb.PullRequest(begin=self.first))
        recipe, size = b"", 0
        while not recipe or len(recipe) < size:
            response = await self.hear()
            assert len(response.recipe) <= MAX_PART
            size = size or response.recipe_size_bytes
            recipe += response.recipe
        assert len(recipe) == size
        return Recipe(recipe)

    async def ask(self, wanted: pb.PullRequest.Wanted) -> None:
        await self.say(pb.PullRequest(wanted=wanted))

    async def rest(self) -> list[pb.ChunkFrame]:
        """Receive all that is left."""
        frames = []
        while (response := await self._call.read()) is not EOF:
            assert isinstance(response, pb.PullResponse)
            frames.append(response.chunks)
        assert await self._call.code() is grpc.StatusCode.OK
        return frames


def wanted_of(recipe: Recipe, missing: Sequence[int], base: Cut | None = None) -> pb.PullRequest.Wanted:
    """Ask for chunks, compressed against what is most like them in the base."""
    count = len(recipe.distinct())
    digest = "" if base is None else str(Digest.of(base.data))
    return pb.PullRequest.Wanted(
        missing=to_bitmap(missing, count), base_digest=digest, groups=groups_of(recipe, missing, base)
    )


async def pull(channel: grpc.aio.Channel, data: bytes, base: Cut | None = None) -> Pulled:
    """Pull a blob by its chunks, of which those of the base are here."""
    call = Pull(channel, data)
    recipe = await call.begin()
    have = {} if base is None else {raw: base.data[at : at + size] for raw, at, size in base.parsed.distinct()}
    chunks = recipe.distinct()
    missing = [number for number, (raw, _, _) in enumerate(chunks) if raw not in have]
    await call.ask(wanted_of(recipe, missing, base))
    pulled, left = Pulled(b""), iter(missing)
    for frame in await call.rest():
        numbers = [next(left) for _ in range(frame.group.chunks)]
        size = sum(chunks[number][2] for number in numbers)
        view = decompress_chunks(frame.data, size, ranges_of(frame.group, base))
        for number in numbers:
            raw, _, size = chunks[number]
            have[raw], view = view[:size], view[size:]
            assert Digest.of(have[raw]).raw == raw
        pulled.received += len(frame.data)
        pulled.used_base = pulled.used_base or bool(frame.group.base)
    assert next(left, None) is None
    pulled.data = rebuild(recipe, have)
    return pulled


def rebuild(recipe: Recipe, chunks: Mapping[bytes, bytes]) -> bytes:
    reader = RecipeReader(recipe)
    parts: list[bytes] = []
    while True:
        digests = reader.wanted()
        window = reader.read([], {digest.raw: chunks[digest.raw] for digest in Digest.split(digests)})
        if window is None:
            return b"".join(parts)
        parts.append(window)
