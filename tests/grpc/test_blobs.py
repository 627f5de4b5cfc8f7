from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import grpc

from lamella._proto.lamella.v1 import blobs_pb2 as pb
from lamella._proto.lamella.v1.blobs_pb2_grpc import BlobsStub
from lamella.server.grpc.blobs import PAGE, Blobs
from lamella.server.grpc.limits import MAX_DIGESTS
from tests.grpc.calls import digest_of, refused, upload

if TYPE_CHECKING:
    from lamella.server.grpc.caller import Context
    from tests.grpc.conftest import Server


def name(data: bytes) -> str:
    return f"sha256:{digest_of(data).hash}"


async def test_sizes_are_told_of_the_blobs_that_are_there(channel: grpc.aio.Channel) -> None:
    await upload(channel, b"four")
    await upload(channel, b"a" * 100_000)
    response = await BlobsStub(channel).Stat(
        pb.StatRequest(digests=[name(b"a" * 100_000), name(b"nowhere"), name(b"four"), name(b"")])
    )
    assert [(blob.digest, blob.size_bytes) for blob in response.blobs] == [
        (name(b"a" * 100_000), 100_000),
        (name(b"four"), 4),
        (name(b""), 0),
    ]


async def test_a_long_request_lets_others_have_their_turn(server: Server, channel: grpc.aio.Channel) -> None:
    await upload(channel, b"four")
    request, turns = pb.StatRequest(digests=[name(b"four")] * (10 * PAGE)), 0
    asking = asyncio.ensure_future(Blobs(server.domain).Stat(request, cast("Context", None)))
    while not asking.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 10
    assert len((await asking).blobs) == 10 * PAGE


async def test_a_malformed_digest_and_too_many_are_refused(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "digests[1]"):
        await BlobsStub(channel).Stat(pb.StatRequest(digests=[name(b""), "md5:0"]))
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, str(MAX_DIGESTS)):
        await BlobsStub(channel).Stat(pb.StatRequest(digests=[""] * (MAX_DIGESTS + 1)))
