# ruff: noqa: N802  (gRPC gives the methods their names)
from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import pytest

from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella._proto.lamella.v1.delta_pb2_grpc import DeltaStub
from lamella.client.connection import Connection, Traffic
from lamella.client.errors import ServerFailed
from lamella.client.stream import Stream
from tests.unit.client.delta_server import DeltaServer
from tests.unit.client.fake_server import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PullStream: TypeAlias = Stream[pb.PullRequest, pb.PullResponse]

FIRST = pb.PullRequest(begin=pb.PullRequest.Begin(size_bytes=1000))
ANSWER = pb.PullResponse(recipe_size_bytes=7)


@dataclass
class OneAnswer(DeltaServer):
    """Answers the first message, and ends with the second: with ``refusal``, if there is one."""

    refusal: str = ""
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def Pull(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        try:
            await anext(requests)
            yield ANSWER
            await anext(requests)
            if self.refusal:
                await context.abort(grpc.StatusCode.ABORTED, self.refusal)
        finally:
            self.left.set()


@pytest.fixture
def server() -> OneAnswer:
    return OneAnswer()


@pytest.fixture
async def connection(server: OneAnswer) -> AsyncIterator[Connection]:
    async with serving(server) as address, Connection(address, builder="me") as connection:
        yield connection


@pytest.fixture
def stream(connection: Connection) -> PullStream:
    return PullStream(connection, DeltaStub(connection.channel).Pull)


async def test_messages_count_as_traffic(connection: Connection, stream: PullStream) -> None:
    with closing(stream):
        await stream.write(FIRST)
        assert await stream.read() == ANSWER
    assert connection.traffic == Traffic(sent=FIRST.ByteSize(), received=ANSWER.ByteSize())


async def test_an_end_in_place_of_a_message_is_a_failure(stream: PullStream) -> None:
    with closing(stream):
        for _ in range(2):
            await stream.write(FIRST)
        await stream.read()
        with pytest.raises(ServerFailed, match="ended early"):
            await stream.read()
        with pytest.raises(ServerFailed, match="ended early"):
            await stream.write(FIRST)


async def test_what_is_written_too_late_fails_with_what_the_server_said(
    server: OneAnswer, connection: Connection, stream: PullStream
) -> None:
    server.refusal = "of the test"
    with closing(stream):
        for _ in range(2):
            await stream.write(FIRST)
        await stream.read()
        with pytest.raises(grpc.aio.AioRpcError):
            await stream.read()
        with pytest.raises(ServerFailed, match="of the test"):
            await stream.write(FIRST)
    assert connection.traffic.sent == 2 * FIRST.ByteSize()


async def test_closing_ends_the_call(server: OneAnswer, stream: PullStream) -> None:
    with closing(stream):
        await stream.write(FIRST)
        await stream.read()
    async with asyncio.timeout(30):
        await server.left.wait()
