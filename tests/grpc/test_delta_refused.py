"""Pushes that are not what they should be: each is refused, and nothing of them stays but chunks that were whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from lamella._core import chunk_recipe
from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella.index import Place
from lamella.model import Digest
from lamella.server.grpc import delta
from lamella.store.packer import PACKED_MAX
from lamella.wire.chunk_frames import compress_chunks
from tests.grpc.calls import blob_files, eventually, place_of, refused, upload
from tests.grpc.conftest import MAX_BLOB_SIZE
from tests.grpc.deltas import NEW, OLD, Cut, Push, push
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.grpc.conftest import Server

Frames = list[pb.ChunkFrame]


def frame(data: bytes, chunks: int = 1, base: bytes = b"", *ranges: tuple[int, int]) -> pb.ChunkFrame:
    group = pb.ChunkGroup(chunks=chunks, base=[pb.BaseRange(offset=offset, size=size) for offset, size in ranges])
    return pb.ChunkFrame(group=group, data=compress_chunks(data, base))


def altered(frame: pb.ChunkFrame, chunks: int | None = None, data: bytes | None = None) -> pb.ChunkFrame:
    frame.group.chunks = frame.group.chunks if chunks is None else chunks
    frame.data = frame.data if data is None else data
    return frame


def damaged(data: bytes) -> bytes:
    return data[:-20] + bytes(byte ^ 1 for byte in data[-20:])


BOMB = compress_chunks(bytes(100 << 20), b"")


@pytest.mark.parametrize(
    ("alter", "text"),
    [
        (lambda frames: frames[1], "data: is not"),
        (lambda frames: altered(frames[0], 0), "chunks.group.chunks: is 0, but"),
        (lambda frames: altered(frames[0], 1 << 31), "chunks.group.chunks: is 2147483648, but"),
        (lambda frames: altered(frames[0], 2, compress_chunks(b"less", b"")), "data: is not a zstd frame of"),
        (lambda frames: altered(frames[0], frames[0].group.chunks - 1), "data: is not a zstd frame of"),
        (lambda frames: altered(frames[0], data=b""), "data: is not"),
        (lambda frames: altered(frames[0], data=damaged(frames[0].data)), ""),
        (lambda frames: altered(frames[0], data=frames[0].data[:-1]), "data: is not"),
        (lambda frames: altered(frames[0], data=frames[0].data * 2), "data: is not a zstd frame of"),
        (lambda frames: altered(frames[0], data=BOMB), "data: is not a zstd frame of"),
    ],
    ids=["order", "none", "far too many", "too many", "too few", "empty", "damaged", "cut short", "two frames", "bomb"],
)
async def test_a_frame_that_is_not_of_the_next_chunks(
    channel: grpc.aio.Channel, server: Server, new: Cut, alter: Callable[[Frames], pb.ChunkFrame], text: str
) -> None:
    call = Push(channel, new)
    await call.send([alter(call.frames(await call.begin()))])
    with refused(grpc.StatusCode.INVALID_ARGUMENT, text):
        await call.end()
    assert server.store.blobs.count() == 0
    await eventually(lambda: not blob_files(server))
    await push(channel, new)


@pytest.mark.parametrize("count", [0, 1, -1], ids=["all", "all but one", "the last"])
async def test_frames_that_are_left_out(channel: grpc.aio.Channel, server: Server, new: Cut, count: int) -> None:
    call = Push(channel, new)
    await call.send_frames(count)
    await call.hang_up()
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "the stream ended, but"):
        await call.end()
    assert place_of(server, NEW) is None
    await eventually(lambda: not blob_files(server))


async def test_a_chunk_with_other_bytes(channel: grpc.aio.Channel, server: Server, new: Cut) -> None:
    new.chunks[1] = bytes(len(new.chunks[1]))
    expected, actual = Digest(new.parsed.distinct()[1][0]), Digest.of(new.chunks[1])
    call = Push(channel, new)
    await call.send_frames(1)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, f"expected {expected}, but the bytes have {actual}"):
        await call.end()
    assert server.store.blobs.get(actual) is None
    assert server.store.blobs.get(expected) is None
    assert place_of(server, NEW) is None


@pytest.mark.parametrize("hot", [False, True], ids=["absent", "hot"])
async def test_ranges_of_a_base(channel: grpc.aio.Channel, new: Cut, tmp_path: Path, *, hot: bool) -> None:
    if hot:
        await upload(channel, OLD)
    refused_ranges = [(-1, 10), (len(OLD) - 9, 10), (0, 0), (1 << 62, 1 << 62)] if hot else [(0, 10)]
    text = f"are not within {len(OLD)}" if hot else "must be empty: there is no base"
    for wanted in refused_ranges:
        call = Push(channel, new, Cut.of(OLD, tmp_path))
        pushed = await call.begin()
        assert pushed.has_base is hot
        await call.send([frame(new.chunks[0], 1, b"", wanted)])
        with refused(grpc.StatusCode.INVALID_ARGUMENT, text):
            await call.end()


async def test_too_many_bytes_in_a_frame(channel: grpc.aio.Channel, new: Cut) -> None:
    call = Push(channel, new)
    count = len((await call.begin()).missing)
    await call.send([frame(b"", count)])
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "the bytes of several chunks in one frame"):
        await call.end()


async def begin(channel: grpc.aio.Channel, cut: Cut, *parts: bytes, more: bool = True, **fields: object) -> None:
    """Begin with altered fields, send parts of the recipe, and say whether more is to come.

    Nothing may be sent after what is refused: grpc.aio forgets a status that comes while a message is written.
    """
    call = Push(channel, cut)
    request = cut.begin()
    for name, value in fields.items():
        setattr(request.begin, name, value)
    await call.say(request, *(pb.PushRequest(recipe=part) for part in parts))
    if not more:
        await call.hang_up()
    await call.hear()


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"digest": "sha256:xyz"}, "INVALID_ARGUMENT", "begin.digest"),
        ({"base_digest": "xyz"}, "INVALID_ARGUMENT", "begin.base_digest"),
        ({"instance_name": "a//b"}, "INVALID_ARGUMENT", "instance_name"),
        ({"size_bytes": PACKED_MAX}, "INVALID_ARGUMENT", "begin.size_bytes"),
        ({"size_bytes": -1}, "INVALID_ARGUMENT", "begin.size_bytes"),
        ({"size_bytes": MAX_BLOB_SIZE + 1}, "RESOURCE_EXHAUSTED", "the size of a blob"),
        ({"recipe_size_bytes": 0}, "INVALID_ARGUMENT", "begin.recipe_size_bytes"),
        ({"recipe_size_bytes": (32 << 20) + 1}, "RESOURCE_EXHAUSTED", "the size of a recipe"),
    ],
)
async def test_what_a_push_begins_with(
    channel: grpc.aio.Channel, server: Server, new: Cut, fields: dict[str, Any], status: str, text: str
) -> None:
    with refused(grpc.StatusCode[status], text):
        await begin(channel, new, **fields)
    assert server.store.blobs.count() == 0


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"digest": str(Digest.of(OLD))}, f"is that of {Digest.of(NEW)}"),
        ({"size_bytes": len(NEW) + 1}, f"not of {Digest.of(NEW)} of {len(NEW) + 1} bytes"),
        ({"recipe_size_bytes": 100}, "not 100"),
    ],
)
async def test_recipes_of_something_else(
    channel: grpc.aio.Channel, server: Server, new: Cut, fields: dict[str, Any], text: str
) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, text):
        await begin(channel, new, new.recipe, **fields)
    assert server.store.blobs.count() == 0


async def test_parts_of_a_recipe(channel: grpc.aio.Channel, new: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "must be the next of"):
        await begin(channel, new, new.recipe[:100], b"")
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "must be the next of 1048576 bytes of the recipe"):
        await begin(channel, new, new.recipe, more=False, recipe_size_bytes=1 << 20)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "the checksum is wrong"):
        await begin(channel, new, new.recipe[:-1] + bytes([new.recipe[-1] ^ 1]))
    monkeypatch.setattr(delta, "MAX_PART", len(new.recipe) - 1)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "a part of a recipe"):
        await begin(channel, new, new.recipe)


async def test_a_recipe_that_needs_an_encoder(channel: grpc.aio.Channel, server: Server) -> None:
    layer = compressed(OLD, "zlib-1.3")
    await upload(channel, layer)
    server.store.compactor.compact(Digest.of(layer))
    async with server.store.file(Digest.of(layer)):
        path = next((server.folder / "recipes").rglob(Digest.of(layer).hex))
        cut = Cut(layer, path.read_bytes())
    await server.store.delete(Digest.of(layer))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "recipe: needs the encoder zlib-1.3"):
        await begin(channel, cut, cut.recipe)


async def test_pieces_that_are_larger_than_those_of_packs(channel: grpc.aio.Channel) -> None:
    data = bytes(PACKED_MAX + 1)
    cut = Cut(data, chunk_recipe(Digest.of(data).raw, [(Digest.of(data).raw, len(data))]))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, f"recipe: has a piece of {len(data)} bytes"):
        await begin(channel, cut, cut.recipe)


async def test_other_blobs_are_no_chunks(channel: grpc.aio.Channel, server: Server) -> None:
    """A large blob that a recipe calls a small chunk would be read into memory."""
    await upload(channel, OLD)
    data = bytes(PACKED_MAX + 1)
    pieces: list[tuple[bytes, int] | bytes] = [(Digest.of(OLD).raw, 100), data[100:]]
    with refused(grpc.StatusCode.INVALID_ARGUMENT, f"was announced with 100 bytes, but has {len(OLD)}"):
        cut = Cut(data, chunk_recipe(Digest.of(data).raw, pieces))
        await begin(channel, cut, cut.recipe)
    assert place_of(server, data) is None


async def test_a_recipe_of_chunks_that_make_another_blob(channel: grpc.aio.Channel, server: Server) -> None:
    data = bytes(PACKED_MAX + 1)
    cut = Cut(data, chunk_recipe(Digest.of(data).raw, [b"another", data[7:]]))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "recipe: "):
        await push(channel, cut)
    assert place_of(server, data) is None


async def test_the_size_of_a_blob_that_is_there(channel: grpc.aio.Channel, server: Server) -> None:
    await upload(channel, OLD)
    other = OLD + b"more"
    cut = Cut(other, chunk_recipe(Digest.of(OLD).raw, [other[at : at + 4000] for at in range(0, len(other), 4000)]))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, f"but has {len(OLD)}"):
        await begin(channel, cut, *(part.recipe for part in cut.parts()), digest=str(Digest.of(OLD)))
    assert place_of(server, OLD) is Place.FILE


async def test_messages_must_follow_one_another(channel: grpc.aio.Channel, new: Cut) -> None:
    part = next(new.parts())
    call = Push(channel, new)
    await call.say(part)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "must be begin in the first message"):
        await call.hear()
    call = Push(channel, new)
    await call.hang_up()
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "must be begin in the first message"):
        await call.hear()
    call = Push(channel, new)
    await call.begin()
    await call.say(part)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "part: must be chunks"):
        await call.hear()
