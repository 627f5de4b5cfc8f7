import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest

from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella.server.grpc import upload as upload_module
from lamella.server.grpc.limits import MAX_UPLOADS
from tests.grpc.calls import (
    PIECE,
    blob_files,
    details_of,
    download,
    eventually,
    is_missing,
    read_name,
    refused,
    upload,
    write_name,
    write_requests,
)
from tests.grpc.conftest import MAX_BLOB_SIZE, Server

SMALL = b"small enough for the index"
LARGE = bytes(range(256)) * 20_000
"""Five messages."""


async def write(channel: grpc.aio.Channel, requests: list[stream.WriteRequest]) -> int:
    return int((await ByteStreamStub(channel).Write(iter(requests))).committed_size)


async def written(channel: grpc.aio.Channel, name: str) -> tuple[int, bool]:
    status = await ByteStreamStub(channel).QueryWriteStatus(stream.QueryWriteStatusRequest(resource_name=name))
    return status.committed_size, status.complete


async def break_off(channel: grpc.aio.Channel, server: Server, name: str, data: bytes, size: int) -> None:
    """Send ``size`` bytes and cancel, once they have arrived."""
    call = ByteStreamStub(channel).Write()
    for request in write_requests(name, data[:size], finish=False):
        await call.write(request)
    while await written(channel, name) != (size, False):  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.01)
    call.cancel()
    await eventually(lambda: not blob_files(server))


@pytest.mark.parametrize("piece", [PIECE, 65_537, 4 << 20])
@pytest.mark.parametrize("data", [SMALL, LARGE])
async def test_an_upload_is_stored_byte_for_byte(channel: grpc.aio.Channel, data: bytes, piece: int) -> None:
    requests = write_requests(write_name(data), data, piece=piece)
    assert await write(channel, requests) == len(data)
    assert await download(channel, read_name(data)) == data


async def test_the_last_message_may_carry_no_data(channel: grpc.aio.Channel) -> None:
    name = write_name(LARGE)
    requests = write_requests(name, LARGE, finish=False)
    requests.append(stream.WriteRequest(write_offset=len(LARGE), finish_write=True))
    assert await write(channel, requests) == len(LARGE)
    assert await download(channel, read_name(LARGE)) == LARGE


async def test_the_empty_blob_is_always_there(channel: grpc.aio.Channel) -> None:
    assert not await is_missing(channel, b"")
    assert await upload(channel, b"") == 0


async def test_a_blob_that_exists_is_answered_after_the_first_message(channel: grpc.aio.Channel) -> None:
    await upload(channel, LARGE)
    call = ByteStreamStub(channel).Write()
    await call.write(stream.WriteRequest(resource_name=write_name(LARGE), data=LARGE[:10]))
    assert (await call).committed_size == len(LARGE)


async def test_an_upload_whose_stream_broke_goes_on_where_it_was(channel: grpc.aio.Channel, server: Server) -> None:
    name = write_name(LARGE)
    await break_off(channel, server, name, LARGE, 2 * PIECE)
    assert await is_missing(channel, LARGE)
    assert await write(channel, write_requests(name, LARGE, start=2 * PIECE)) == len(LARGE)
    assert await download(channel, read_name(LARGE)) == LARGE
    assert await written(channel, name) == (len(LARGE), True)
    assert not list((server.folder / "uploads").iterdir())


async def test_a_stream_that_ends_early_tells_how_far_it_came(channel: grpc.aio.Channel) -> None:
    name = write_name(LARGE)
    assert await write(channel, write_requests(name, LARGE[:PIECE], finish=False)) == PIECE
    assert await written(channel, name) == (PIECE, False)
    assert await write(channel, write_requests(name, LARGE, start=PIECE)) == len(LARGE)


async def test_bytes_that_are_sent_again_are_not_stored_again(channel: grpc.aio.Channel) -> None:
    name = write_name(LARGE)
    await write(channel, write_requests(name, LARGE[:PIECE], finish=False))
    assert await write(channel, write_requests(name, LARGE, piece=300_000)) == len(LARGE)
    assert await download(channel, read_name(LARGE)) == LARGE


async def test_nothing_written_is_a_status_of_zero(channel: grpc.aio.Channel) -> None:
    assert await written(channel, write_name(LARGE)) == (0, False)


async def test_one_uuid_may_be_used_for_several_blobs(channel: grpc.aio.Channel) -> None:
    uuid = str(uuid4())
    blobs = [LARGE, LARGE[1:], LARGE[2:]]
    await asyncio.gather(*(upload(channel, data, uuid=uuid) for data in blobs))
    assert [await is_missing(channel, data) for data in blobs] == [False] * 3


async def test_an_upload_that_somebody_else_continues_is_aborted(channel: grpc.aio.Channel, server: Server) -> None:
    name = write_name(LARGE)
    call = ByteStreamStub(channel).Write()
    await call.write(write_requests(name, LARGE[:PIECE], finish=False)[0])
    await eventually(lambda: blob_files(server))
    with refused(grpc.StatusCode.ABORTED):
        # One message: gRPC's asyncio client hides the status of a call that ends while it still writes.
        await write(channel, write_requests(name, LARGE)[:1])
    call.cancel()


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("", "resource_name"),
        (read_name(SMALL), "resource_name"),
        ("uploads/1/" + read_name(SMALL), "resource_name"),
        ("UPPER/case/" + write_name(SMALL), "instance_name"),
    ],
)
async def test_a_malformed_name_is_refused(channel: grpc.aio.Channel, name: str, field: str) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, field) as caught:
        await write(channel, write_requests(name, SMALL))
    assert len(details_of(caught.value).details) == 1


async def test_a_stream_without_messages_is_refused(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "resource_name"):
        await write(channel, [])


async def test_bytes_that_are_no_message_are_refused(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "WriteRequest"):
        await channel.stream_unary("/google.bytestream.ByteStream/Write", bytes, bytes)(iter([b"\x52\x7f"]))


@pytest.mark.parametrize(
    "wrong",
    [
        stream.WriteRequest(write_offset=PIECE - 1, data=b"x"),
        stream.WriteRequest(write_offset=PIECE + 1, data=b"x"),
        stream.WriteRequest(write_offset=PIECE, data=b"x", resource_name=write_name(SMALL)),
    ],
)
async def test_a_message_that_does_not_follow_is_refused(channel: grpc.aio.Channel, wrong: stream.WriteRequest) -> None:
    first = write_requests(write_name(LARGE), LARGE[:PIECE], finish=False)
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        await write(channel, [*first, wrong])


@pytest.mark.parametrize("offset", [-1, 1])
async def test_a_first_offset_that_is_not_reached_yet_is_refused(channel: grpc.aio.Channel, offset: int) -> None:
    request = stream.WriteRequest(resource_name=write_name(LARGE), write_offset=offset, data=b"x")
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "write_offset"):
        await write(channel, [request])


@pytest.mark.parametrize("data", [SMALL, LARGE])
async def test_wrong_bytes_are_refused_and_none_are_kept(
    channel: grpc.aio.Channel, server: Server, data: bytes
) -> None:
    name = write_name(data)
    wrong = b"?" + data[1:]
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "expected sha256:"):
        await write(channel, write_requests(name, wrong))
    await assert_nothing_is_left(channel, server, data, name)
    assert await is_missing(channel, wrong)


@pytest.mark.parametrize("data", [SMALL, LARGE])
@pytest.mark.parametrize("change", [-1, 1])
async def test_a_wrong_size_is_refused_and_no_byte_is_kept(
    channel: grpc.aio.Channel, server: Server, data: bytes, change: int
) -> None:
    path, _, size = write_name(data).rpartition("/")
    name = f"{path}/{int(size) + change}"
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "was announced with"):
        await write(channel, write_requests(name, data))
    await assert_nothing_is_left(channel, server, data, name)


async def test_a_blob_past_the_limit_is_refused_before_its_bytes(channel: grpc.aio.Channel) -> None:
    path, _, _ = write_name(LARGE).rpartition("/")
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, str(MAX_BLOB_SIZE)):
        await write(channel, write_requests(f"{path}/{MAX_BLOB_SIZE + 1}", SMALL))


async def test_a_message_past_the_limit_is_refused(channel: grpc.aio.Channel, server: Server) -> None:
    data = bytes(5 << 20)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED):
        await write(channel, write_requests(write_name(data), data, piece=len(data)))
    assert await is_missing(channel, data)


async def test_a_cancelled_upload_leaves_no_blob_and_no_open_file(channel: grpc.aio.Channel, server: Server) -> None:
    name = write_name(LARGE)
    await break_off(channel, server, name, LARGE, 3 * PIECE)
    assert await is_missing(channel, LARGE)
    assert [path.name.split("-")[-1] for path in (server.folder / "uploads").iterdir()] == [name.split("/")[-2]]
    assert await server.store.uploads.expire(lifetime=-1) == 1
    assert await written(channel, name) == (0, False)


async def test_an_upload_past_its_deadline_leaves_no_blob_and_no_open_file(
    channel: grpc.aio.Channel, server: Server
) -> None:
    async def slow() -> AsyncIterator[stream.WriteRequest]:
        yield write_requests(write_name(LARGE), LARGE, finish=False)[0]
        await asyncio.sleep(60)

    with refused(grpc.StatusCode.DEADLINE_EXCEEDED):
        await ByteStreamStub(channel).Write(slow(), timeout=0.5)
    await eventually(lambda: not blob_files(server))
    assert await is_missing(channel, LARGE)


async def test_an_upload_that_stalls_ends_and_can_go_on(
    channel: grpc.aio.Channel, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "MAX_IDLE_SECONDS", 0.2)
    name = write_name(LARGE)
    call = ByteStreamStub(channel).Write()
    await call.write(write_requests(name, LARGE, finish=False)[0])
    with refused(grpc.StatusCode.ABORTED, "nothing was sent for 0.2 seconds"):
        await call
    assert await written(channel, name) == (PIECE, False)
    assert not blob_files(server)


async def test_an_upload_that_never_begins_ends(channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "MAX_IDLE_SECONDS", 0.2)
    with refused(grpc.StatusCode.ABORTED, "nothing was sent"):
        await ByteStreamStub(channel).Write()


async def test_a_connection_that_closes_leaves_no_open_file(server: Server) -> None:
    async with server.connect() as other:
        call = ByteStreamStub(other).Write()
        await call.write(write_requests(write_name(LARGE), LARGE, finish=False)[0])
        await eventually(lambda: blob_files(server))
    await eventually(lambda: not blob_files(server))


async def test_sixteen_clients_that_upload_the_same_blobs_leave_one_copy_of_each(server: Server) -> None:
    blobs = [bytes([number]) * (3 * PIECE + number) for number in range(4)]

    async def client(number: int) -> list[int]:
        async with server.connect() as channel:
            own = bytes([100 + number]) * (PIECE + 1)
            mine = [own, *blobs] if number % 2 else [own]
            return [await upload(channel, data) for data in mine]

    sizes = await asyncio.gather(*(client(number) for number in range(16)))
    assert [size for size in sizes if len(size) > 1] == [[PIECE + 1, *map(len, blobs)]] * 8
    stored = [info.size async for info in server.store.walk()]
    assert sorted(stored) == sorted([PIECE + 1] * 16 + [len(data) for data in blobs])
    assert not list((server.folder / "uploads").iterdir())
    assert len([path for path in (server.folder / "blobs").rglob("*") if path.is_file()]) == 20


async def test_uploads_past_the_limit_wait_for_their_turn(channel: grpc.aio.Channel, server: Server) -> None:
    calls = [ByteStreamStub(channel).Write() for _ in range(MAX_UPLOADS)]
    for call in calls:
        await call.write(stream.WriteRequest(resource_name=write_name(LARGE), data=LARGE[:PIECE]))
    await eventually(lambda: len(blob_files(server)) == MAX_UPLOADS)
    waiting = asyncio.create_task(upload(channel, SMALL))
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done
    calls[0].cancel()
    assert await waiting == len(SMALL)
    for call in calls:
        call.cancel()


async def assert_nothing_is_left(channel: grpc.aio.Channel, server: Server, data: bytes, name: str) -> None:
    assert await is_missing(channel, data)
    assert await written(channel, name) == (0, False)
    assert not list((server.folder / "uploads").iterdir())
    assert not blob_files(server)
