"""A server in memory that takes and gives deltas, and forgets, spoils or refuses when told to."""

# ruff: noqa: N802  (gRPC gives the methods their names)
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc

from lamella._core import Recipe, RecipeReader
from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella._proto.lamella.v1.delta_pb2_grpc import DeltaServicer
from lamella.client.cut import Cut
from lamella.model import Digest
from lamella.wire.chunk_frames import compress_chunks, decompress_chunks, from_bitmap, to_bitmap
from tests.unit.client.fake_server import FakeServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

PART = 10_000


@dataclass
class DeltaServer(FakeServer, DeltaServicer):
    """``loses`` chunks before it has put a blob together; ``spoils`` frames, whose chunks are zeros then."""

    recipes: dict[Digest, bytes] = field(default_factory=dict)
    chunks: dict[bytes, bytes] = field(default_factory=dict)
    pushed: list[Digest] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    """Of bases, that were referred to."""
    asked: int = 0
    """Chunks that a pull asked for."""
    without_base: bool = False
    loses: bool = False
    spoils: bool = False
    counts_wrong: bool = False
    breaks_after: int = 1 << 30
    """Frames of a pull, after which the connection is lost."""

    def know(self, path: Path) -> Digest:
        """Have a file as if it had been pushed, or turned cold."""
        cut = Cut(path)
        self.blobs[cut.digest] = path.read_bytes()
        self.recipes[cut.digest] = cut.data
        for (digest, _, _), data in zip(cut.chunks, cut.read(range(len(cut.chunks))), strict=True):
            self.chunks[digest.raw] = data
        return cut.digest

    async def Push(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        begin = (await anext(requests)).begin
        data = b""
        while len(data) < begin.recipe_size_bytes:
            data += (await anext(requests)).recipe
        recipe = Recipe(data)
        chunks = recipe.distinct()
        missing = [number for number, (raw, _, _) in enumerate(chunks) if raw not in self.chunks]
        base = None if self.without_base or not begin.base_digest else self.blobs.get(Digest.parse(begin.base_digest))
        wanted = pb.PushResponse.Wanted(missing=to_bitmap(missing, len(chunks)), has_base=base is not None)
        yield pb.PushResponse(wanted=wanted)
        async for request in requests:
            mine, missing = missing[: request.chunks.group.chunks], missing[request.chunks.group.chunks :]
            self._take(request.chunks, [chunks[number] for number in mine], base)
        if self.loses:
            await context.abort(grpc.StatusCode.NOT_FOUND, "a chunk is lost")
        assert not missing
        blobs = {raw: self.chunks[raw] for raw, _, _ in chunks}
        reader = RecipeReader(recipe)
        reader.wanted(1 << 40)
        self.blobs[Digest(recipe.digest)] = reader.read([], blobs) or b""
        self.recipes[Digest(recipe.digest)] = data
        self.pushed.append(Digest(recipe.digest))
        yield pb.PushResponse(done=pb.PushResponse.Done())

    def _take(self, frame: Any, chunks: list[tuple[bytes, int, int]], base: bytes | None) -> None:
        ranges = [(at.offset, at.size) for at in frame.group.base]
        self.ranges += ranges
        data = decompress_chunks(frame.data, sum(size for _, _, size in chunks), joined(base or b"", ranges))
        for raw, _, size in chunks:
            assert Digest.of(data[:size]).raw == raw
            self.chunks[raw], data = data[:size], data[size:]

    async def Pull(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        data = self.recipes.get(Digest.parse((await anext(requests)).begin.digest))
        if data is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "it stays whole")
            return
        yield pb.PullResponse(recipe_size_bytes=len(data), recipe=data[:PART])
        for start in range(PART, len(data), PART):
            yield pb.PullResponse(recipe=data[start : start + PART])
        request = await anext(requests, None)
        if request is None:
            return
        wanted = request.wanted
        chunks = Recipe(data).distinct()
        missing = from_bitmap(wanted.missing, len(chunks))
        self.asked += len(missing)
        base = None if self.without_base or not wanted.base_digest else self.blobs.get(Digest.parse(wanted.base_digest))
        for sent, group in enumerate(wanted.groups):
            if sent >= self.breaks_after:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "connection lost")
            mine, missing = missing[: group.chunks], missing[group.chunks :]
            yield pb.PullResponse(chunks=self._frame(group, [chunks[number][0] for number in mine], base))
        assert not missing

    def _frame(self, group: Any, chunks: list[bytes], base: bytes | None) -> Any:
        plain = b"".join(bytes(len(self.chunks[raw])) if self.spoils else self.chunks[raw] for raw in chunks)
        ranges = [] if base is None else [(at.offset, at.size) for at in group.base]
        self.ranges += ranges
        if base is None:
            del group.base[:]
        frame = pb.ChunkFrame(group=group, data=compress_chunks(plain, joined(base or b"", ranges)))
        frame.group.chunks += self.counts_wrong
        return frame


def joined(base: bytes, ranges: Iterable[tuple[int, int]]) -> bytes:
    return b"".join(base[offset : offset + size] for offset, size in ranges)
