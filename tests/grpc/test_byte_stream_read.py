import grpc
import pytest
import zstandard

from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from tests.grpc.calls import blob_files, download, eventually, read_name, refused, upload
from tests.grpc.conftest import Server

SMALL = b"small enough for the index"
LARGE = bytes(range(256)) * 20_000  # five buffers


@pytest.mark.parametrize("data", [b"", SMALL, LARGE])
async def test_a_blob_comes_back_byte_for_byte(channel: grpc.aio.Channel, data: bytes) -> None:
    await upload(channel, data)
    assert await download(channel, read_name(data)) == data


@pytest.mark.parametrize(
    ("offset", "limit"), [(0, 1), (1, 0), (1 << 20, 1 << 20), (len(LARGE) - 1, 10), (len(LARGE), 0), (7, 3_000_000)]
)
async def test_a_range_is_what_was_asked_for(channel: grpc.aio.Channel, offset: int, limit: int) -> None:
    await upload(channel, LARGE)
    expected = LARGE[offset : offset + limit] if limit else LARGE[offset:]
    assert await download(channel, read_name(LARGE), offset, limit) == expected


@pytest.mark.parametrize("data", [b"", SMALL, LARGE])
@pytest.mark.parametrize("offset", [0, 5])
async def test_a_blob_travels_as_one_zstd_stream(channel: grpc.aio.Channel, data: bytes, offset: int) -> None:
    await upload(channel, data)
    offset = min(offset, len(data))
    compressed = await download(channel, read_name(data, "compressed-blobs/zstd"), offset)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(compressed) == data[offset:]


async def test_an_instance_name_does_not_hide_a_blob(channel: grpc.aio.Channel) -> None:
    await upload(channel, SMALL, instance="team/app@feature/x")
    assert await download(channel, read_name(SMALL, instance="team/other")) == SMALL


async def test_no_message_is_larger_than_a_buffer(channel: grpc.aio.Channel) -> None:
    await upload(channel, LARGE)
    responses = ByteStreamStub(channel).Read(stream.ReadRequest(resource_name=read_name(LARGE)))
    assert max([len(response.data) async for response in responses]) <= 1 << 20


async def test_a_blob_that_is_not_there_is_not_found(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.NOT_FOUND, read_name(SMALL).split("/")[1]):
        await download(channel, read_name(SMALL))


async def test_a_wrong_size_is_refused(channel: grpc.aio.Channel) -> None:
    await upload(channel, SMALL)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "announced with"):
        await download(channel, read_name(SMALL) + "0")


@pytest.mark.parametrize(("offset", "limit"), [(len(SMALL) + 1, 0), (-1, 0)])
async def test_an_offset_outside_the_blob_is_out_of_range(channel: grpc.aio.Channel, offset: int, limit: int) -> None:
    await upload(channel, SMALL)
    with refused(grpc.StatusCode.OUT_OF_RANGE, f"offset {offset}"):
        await download(channel, read_name(SMALL), offset, limit)


async def test_a_negative_limit_is_refused(channel: grpc.aio.Channel) -> None:
    await upload(channel, SMALL)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "read_limit"):
        await download(channel, read_name(SMALL), limit=-1)


async def test_a_limit_on_a_compressed_read_is_refused(channel: grpc.aio.Channel) -> None:
    await upload(channel, SMALL)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "read_limit"):
        await download(channel, read_name(SMALL, "compressed-blobs/zstd"), limit=1)


@pytest.mark.parametrize("name", ["", "blobs/xyz/1", "no/such@@instance/" + read_name(SMALL)])
async def test_a_malformed_name_is_refused(channel: grpc.aio.Channel, name: str) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        await download(channel, name)


async def test_a_cancelled_download_leaves_no_open_file(channel: grpc.aio.Channel, server: Server) -> None:
    await upload(channel, LARGE)
    call = ByteStreamStub(channel).Read(stream.ReadRequest(resource_name=read_name(LARGE)))
    assert (await call.read()).data == LARGE[: 1 << 20]
    call.cancel()
    await eventually(lambda: not blob_files(server))


async def test_a_damaged_blob_does_not_leave_whole_and_is_gone_after(channel: grpc.aio.Channel, server: Server) -> None:
    await upload(channel, LARGE)
    [file] = (path for path in (server.folder / "blobs").rglob("*") if path.is_file())
    file.chmod(0o600)
    with file.open("r+b") as damaged:
        damaged.seek(1234)
        damaged.write(b"\xff")
    with refused(grpc.StatusCode.DATA_LOSS, "its bytes have sha256:"):
        await download(channel, read_name(LARGE))
    with refused(grpc.StatusCode.NOT_FOUND, read_name(LARGE).split("/")[1]):
        await download(channel, read_name(LARGE))
