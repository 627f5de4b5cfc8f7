import asyncio
import random
from itertools import pairwise

import grpc
import pytest

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella.server.grpc import chunks
from tests.grpc.calls import blob_files, digest_of, download, is_missing, read_name, refused, upload
from tests.grpc.conftest import MAX_BLOB_SIZE, Server

MIB = 1 << 20


def pieces_of(data: bytes, count: int) -> list[bytes]:
    """Cut at random places, so that some pieces are empty, and some alike."""
    cuts = sorted(random.Random(count).choices(range(len(data) + 1), k=count - 1))
    return [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]


def splice_request(data: bytes, *pieces: bytes) -> pb.SpliceBlobRequest:
    return pb.SpliceBlobRequest(blob_digest=digest_of(data), chunk_digests=map(digest_of, pieces))


async def store(channel: grpc.aio.Channel, *blobs: bytes) -> None:
    for data in blobs:
        await upload(channel, data)


@pytest.mark.parametrize("count", [1, 2, 40])
async def test_pieces_of_any_size_become_the_blob(channel: grpc.aio.Channel, server: Server, count: int) -> None:
    data = random.Random(0).randbytes(6 * MIB) + bytes(3000)
    pieces = pieces_of(data, count)
    await store(channel, *pieces)
    response = await ContentAddressableStorageStub(channel).SpliceBlob(splice_request(data, *pieces))
    assert response.blob_digest == digest_of(data)
    assert await download(channel, read_name(data)) == data
    assert not blob_files(server)


async def test_a_chunk_may_come_again_and_again(channel: grpc.aio.Channel) -> None:
    await store(channel, b"again ", b"and")
    order = [b"again ", b"and", b"again ", b"again ", b""]
    await ContentAddressableStorageStub(channel).SpliceBlob(splice_request(b"".join(order), *order))
    assert await download(channel, read_name(b"".join(order))) == b"".join(order)


async def test_thousands_of_chunks(channel: grpc.aio.Channel) -> None:
    pieces = [number.to_bytes(50, "big") for number in range(4000)]
    batch = [pb.BatchUpdateBlobsRequest.Request(digest=digest_of(piece), data=piece) for piece in pieces]
    stub = ContentAddressableStorageStub(channel)
    await stub.BatchUpdateBlobs(pb.BatchUpdateBlobsRequest(requests=batch))
    data = b"".join(pieces * 5)
    await stub.SpliceBlob(splice_request(data, *pieces * 5))
    assert await download(channel, read_name(data)) == data


async def test_a_blob_that_is_there_needs_no_chunks(channel: grpc.aio.Channel) -> None:
    await store(channel, b"whole")
    stub = ContentAddressableStorageStub(channel)
    await stub.SpliceBlob(splice_request(b"whole", b"who", b"le"))
    request = splice_request(b"whole")
    request.blob_digest.size_bytes += 1
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "has 5"):
        await stub.SpliceBlob(request)


async def test_the_empty_blob_has_no_chunks(channel: grpc.aio.Channel) -> None:
    await ContentAddressableStorageStub(channel).SpliceBlob(splice_request(b""))


async def test_missing_chunks_are_named(channel: grpc.aio.Channel) -> None:
    await store(channel, b"here")
    stub = ContentAddressableStorageStub(channel)
    with refused(grpc.StatusCode.NOT_FOUND, digest_of(b"gone").hash) as caught:
        await stub.SpliceBlob(splice_request(b"heregone", b"here", b"gone"))
    assert digest_of(b"here").hash not in str(caught.value.details())
    many = [b"%d" % number for number in range(3000)]
    with refused(grpc.StatusCode.NOT_FOUND, "and 2982 more"):
        await stub.SpliceBlob(splice_request(b"".join(many), *many))


@pytest.mark.parametrize("order", [(b"b", b"a"), (b"a", b"b", b"a"), (b"a",), ()])
async def test_chunks_of_another_blob_are_refused(channel: grpc.aio.Channel, order: tuple[bytes, ...]) -> None:
    await store(channel, b"a", b"b")
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        await ContentAddressableStorageStub(channel).SpliceBlob(splice_request(b"ab", *order))
    assert await is_missing(channel, b"ab")


async def test_sizes_must_be_those_of_the_chunks(channel: grpc.aio.Channel, server: Server) -> None:
    await store(channel, b"abc", b"d")
    request = splice_request(b"abcd", b"abc", b"d")
    request.chunk_digests[0].size_bytes, request.chunk_digests[1].size_bytes = 2, 2
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "was announced with 2 bytes, but has 3"):
        await ContentAddressableStorageStub(channel).SpliceBlob(request)
    assert await is_missing(channel, b"abcd")
    assert not blob_files(server)


async def test_malformed_requests_are_refused(channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = ContentAddressableStorageStub(channel)
    request = splice_request(b"ab", b"a", b"b")
    request.chunk_digests[1].hash = "xyz"
    with refused(grpc.StatusCode.INVALID_ARGUMENT, r"chunk_digests[1].hash"):
        await stub.SpliceBlob(request)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "blob_digest.hash"):
        await stub.SpliceBlob(pb.SpliceBlobRequest())
    request = splice_request(b"ab", b"a", b"b")
    request.digest_function = pb.DigestFunction.BLAKE3
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "digest_function"):
        await stub.SpliceBlob(request)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "instance_name"):
        await stub.SpliceBlob(pb.SpliceBlobRequest(instance_name="a//b"))
    monkeypatch.setattr(chunks, "MAX_CHUNKS", 1)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "limited to 1, not 2"):
        await stub.SpliceBlob(splice_request(b"ab", b"a", b"b"))


async def test_a_blob_that_would_be_too_large_is_refused_at_once(channel: grpc.aio.Channel) -> None:
    await store(channel, bytes(MIB))
    many = [bytes(MIB)] * (MAX_BLOB_SIZE // MIB + 1)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "the size of a blob"):
        await ContentAddressableStorageStub(channel).SpliceBlob(splice_request(b"".join(many), *many))


async def test_two_that_splice_one_blob_both_succeed(channel: grpc.aio.Channel) -> None:
    data = random.Random(1).randbytes(4 * MIB)
    pieces = pieces_of(data, 9)
    await store(channel, *pieces)
    stub = ContentAddressableStorageStub(channel)
    request = splice_request(data, *pieces)
    await asyncio.gather(*(stub.SpliceBlob(request) for _ in range(3)))
    assert await download(channel, read_name(data)) == data
