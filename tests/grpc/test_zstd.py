import grpc
import pytest
import zstandard

from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella.server.grpc.zstd_stream import Decompressor
from lamella.store.protocol import BUFFER_SIZE
from tests.grpc.calls import download, is_missing, read_name, refused, upload, write_name, write_requests
from tests.grpc.conftest import Server

LARGE = bytes(range(256)) * 20_000
KIND = "compressed-blobs/zstd"


async def write(channel: grpc.aio.Channel, name: str, compressed: bytes, piece: int = 1000, start: int = 0) -> int:
    """Send a compressed stream; ``start`` is in bytes of the blob, the offsets after it count compressed ones."""
    requests = write_requests(name, compressed, piece=piece)
    for request in requests:
        request.write_offset += start
    return int((await ByteStreamStub(channel).Write(iter(requests))).committed_size)


def frames(*parts: bytes) -> bytes:
    return b"".join(zstandard.ZstdCompressor().compress(part) for part in parts)


@pytest.mark.parametrize(
    "compressed",
    [
        frames(LARGE),
        frames(LARGE[:5], LARGE[5:]),
        frames(b"", LARGE, b""),
        zstandard.ZstdCompressor(level=19).compressobj().compress(LARGE[:0]) + frames(LARGE),
    ],
)
async def test_a_compressed_upload_is_stored_uncompressed(channel: grpc.aio.Channel, compressed: bytes) -> None:
    assert await write(channel, write_name(LARGE, KIND), compressed) == len(compressed)
    assert await download(channel, read_name(LARGE)) == LARGE


async def test_the_empty_blob_can_be_compressed(channel: grpc.aio.Channel) -> None:
    assert await write(channel, write_name(b"", KIND), frames(b"")) == -1


async def test_a_compressed_upload_of_a_blob_that_exists_is_answered_with_minus_one(channel: grpc.aio.Channel) -> None:
    await upload(channel, LARGE)
    assert await write(channel, write_name(LARGE, KIND), frames(LARGE)) == -1


async def test_a_compressed_upload_goes_on_in_bytes_of_the_blob(channel: grpc.aio.Channel) -> None:
    name = write_name(LARGE, KIND)
    half = 3_000_000
    requests = write_requests(name, frames(LARGE[:half]), finish=False)
    assert (await ByteStreamStub(channel).Write(iter(requests))).committed_size == half
    status = await ByteStreamStub(channel).QueryWriteStatus(stream.QueryWriteStatusRequest(resource_name=name))
    assert (status.committed_size, status.complete) == (half, False)
    rest = frames(LARGE[half:])
    assert await write(channel, name, rest, start=half) == half + len(rest)
    assert await download(channel, read_name(LARGE)) == LARGE


@pytest.mark.parametrize(
    ("compressed", "reason"),
    [
        (b"this is no zstd stream", "zstd"),
        (frames(LARGE)[:-1], "ends within a zstd frame"),
        (frames(LARGE) + b"\x28\xb5", "ends within a zstd frame"),
        (frames(LARGE)[:200] + bytes(100) + frames(LARGE)[300:], ""),
        (frames(LARGE[1:] + b"?"), "expected sha256:"),
        (frames(LARGE[:-1]), "was announced with"),
        (frames(LARGE, b"?"), "was announced with"),
        (
            zstandard.ZstdCompressor(
                compression_params=zstandard.ZstdCompressionParameters(window_log=27)
            ).stream_reader(LARGE * 4).read(),
            "zstd",
        ),
    ],
)  # fmt: skip
async def test_a_wrong_stream_is_refused_and_no_byte_is_kept(
    channel: grpc.aio.Channel, server: Server, compressed: bytes, reason: str
) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, reason):
        await write(channel, write_name(LARGE, KIND), compressed, piece=1 << 20)
    assert await is_missing(channel, LARGE)
    assert not list((server.folder / "uploads").iterdir())


async def test_other_compressors_are_refused(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "compressor"):
        await write(channel, write_name(LARGE, "compressed-blobs/brotli"), LARGE)


async def test_a_stream_of_zeros_comes_out_in_buffers() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    assert len(bomb) < 10_000
    sizes = [len(block) async for block in Decompressor().decompress(bomb)]
    assert max(sizes) <= BUFFER_SIZE
    assert sum(sizes) == 64 << 20


async def test_a_bomb_is_refused_at_the_announced_size(channel: grpc.aio.Channel, server: Server) -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 30))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "was announced with"):
        await write(channel, write_name(bytes(2 << 20), KIND), bomb, piece=1 << 20)
    rows = server.domain.recorder
    await rows.flush()
    [(_, counters)] = server.domain.counters.scan()
    assert counters.bytes_in <= 3 << 20


async def test_many_frames_in_one_message_come_out_whole() -> None:
    """Frames of every size, among them some that end where the next bytes are taken up."""
    contents = [bytes([number % 256]) * (number * 37 % 3000) for number in range(400)] + [LARGE, b"end"]
    decompressor = Decompressor()
    message = b"".join(map(frames, contents))
    found = b"".join([block async for block in decompressor.decompress(message)])
    assert found == b"".join(contents)
    assert decompressor.complete
