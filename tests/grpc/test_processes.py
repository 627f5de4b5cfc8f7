import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import grpc
import grpc.aio
import pytest

from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella.index import Counters, CounterTable
from lamella.store.local import LocalStore
from tests.grpc.calls import PIECE, download, eventually, is_missing, read_name, upload, write_name, write_requests
from tests.grpc.conftest import OPTIONS
from tests.grpc.process import ServerProcess, is_running, serving

T = TypeVar("T")
LARGE = bytes(range(256)) * 200_000
"""More than a connection takes in without being read."""


def connect(server: ServerProcess) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(server.address, options=[*OPTIONS, ("grpc.use_local_subchannel_pool", 1)])


async def retry(server: ServerProcess, call: Callable[[grpc.aio.Channel], Coroutine[Any, Any, T]]) -> T:
    """Call over a new connection, again and again while the server is not there."""
    while True:
        async with connect(server) as channel:
            try:
                return await call(channel)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
        await asyncio.sleep(0.05)


def is_listening(server: ServerProcess) -> bool:
    host, _, port = server.address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=30).close()
    except ConnectionError:
        return False
    return True


def counted(folder: Path) -> Counters:
    store = LocalStore(folder)
    try:
        return sum((counters for _, counters in CounterTable(store.index).scan()), Counters())
    finally:
        store.close()


@pytest.mark.parametrize("workers", [1, 2])
async def test_sigterm_lets_a_running_download_finish(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path / "data", workers) as server:
        async with connect(server) as channel:
            await upload(channel, LARGE)
            responses = aiter(ByteStreamStub(channel).Read(stream.ReadRequest(resource_name=read_name(LARGE))))
            received = [(await anext(responses)).data]
            os.kill(server.pid, signal.SIGTERM)
            await eventually(lambda: not is_listening(server))
            assert is_running(server.pid)
            received += [response.data async for response in responses]
            assert b"".join(received) == LARGE
        assert await asyncio.to_thread(server.process.wait, 30) == 0
    assert counted(tmp_path / "data") == Counters(bytes_in=len(LARGE), bytes_out=len(LARGE))


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_second_signal_cuts_a_download_off(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path / "data", workers, grace=1000) as server:
        async with connect(server) as channel:
            await upload(channel, LARGE)
            responses = aiter(ByteStreamStub(channel).Read(stream.ReadRequest(resource_name=read_name(LARGE))))
            await anext(responses)
            os.kill(server.pid, signal.SIGINT)
            await eventually(lambda: not is_listening(server))
            assert is_running(server.pid)
            os.kill(server.pid, signal.SIGTERM)
            assert await asyncio.to_thread(server.process.wait, 30) == 0


async def test_statistics_are_written_soon_and_survive_a_crash(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        async with connect(server) as channel:
            await upload(channel, b"some bytes")
            await eventually(lambda: counted(tmp_path / "data").bytes_in == 10)
        server.process.kill()
        server.process.wait()
    assert counted(tmp_path / "data").bytes_in == 10


async def test_a_worker_that_is_killed_is_replaced_and_its_upload_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path / "data", workers=2) as server:
        first = server.children()
        assert len(first) == 2
        name = write_name(LARGE)
        await retry(server, lambda channel: upload(channel, b"before"))
        async with connect(server) as channel:
            call = ByteStreamStub(channel).Write(iter(write_requests(name, LARGE[: 2 * PIECE], finish=False)))
            assert (await call).committed_size == 2 * PIECE
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        await eventually(lambda: len(server.children() - first) == 2)
        status = stream.QueryWriteStatusRequest(resource_name=name)
        response = await retry(server, lambda channel: ByteStreamStub(channel).QueryWriteStatus(status))
        assert response.committed_size == 2 * PIECE
        rest = write_requests(name, LARGE, start=2 * PIECE)
        await retry(server, lambda channel: ByteStreamStub(channel).Write(iter(rest)))
        assert await retry(server, lambda channel: download(channel, read_name(LARGE))) == LARGE
        assert not await retry(server, lambda channel: is_missing(channel, b"before"))


async def test_many_connections_to_two_workers_see_one_store(tmp_path: Path) -> None:
    with serving(tmp_path / "data", workers=2) as server:

        async def client(number: int) -> bytes:
            async with connect(server) as channel:
                await upload(channel, LARGE)
                await upload(channel, bytes([number]) * 5000)
            async with connect(server) as channel:
                return await download(channel, read_name(bytes([number]) * 5000))

        answers = await asyncio.gather(*(client(number) for number in range(8)))
        assert answers == [bytes([number]) * 5000 for number in range(8)]


async def test_workers_end_with_their_supervisor(tmp_path: Path) -> None:
    with serving(tmp_path / "data", workers=2) as server:
        workers = server.children()
        server.process.kill()
        server.process.wait()
        await eventually(lambda: not any(map(is_running, workers)))


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_port_that_is_taken_ends_the_server(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path / "one") as server:
        port = int(server.address.rpartition(":")[2])
        with serving(tmp_path / "two", workers=workers, port=port) as second:
            assert second.address == ""
            assert await asyncio.to_thread(second.process.wait, 30) == 1
