import random

import grpc
import pytest

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella.index import Place
from lamella.model import Digest
from lamella.server.grpc import chunks
from lamella.store import splitter
from tests.foreign_gzip import foreign_gzip
from tests.grpc.calls import digest_of, download, is_missing, place_of, read_name, refused, upload
from tests.grpc.conftest import Server
from tests.grpc.test_splice import splice_request
from tests.releases import release

TAR = release(0, size=20_000)
TEXT = b"".join(b"line %d of a text that compresses\n" % number for number in range(30_000))


async def split(channel: grpc.aio.Channel, data: bytes) -> list[pb.Digest]:
    response = await ContentAddressableStorageStub(channel).SplitBlob(pb.SplitBlobRequest(blob_digest=digest_of(data)))
    return list(response.chunk_digests)


async def read(channel: grpc.aio.Channel, digests: list[pb.Digest]) -> list[bytes]:
    """Read blobs as any client does: those that are small, in batches."""
    stub = ContentAddressableStorageStub(channel)
    parts = []
    for start in range(0, len(digests), 10):
        response = await stub.BatchReadBlobs(pb.BatchReadBlobsRequest(digests=digests[start : start + 10]))
        assert not any(item.status.code for item in response.responses)
        parts += [item.data for item in response.responses]
    return parts


@pytest.mark.parametrize("data", [TAR, TAR[:-1000], TEXT], ids=["tar", "broken tar", "text"])
async def test_the_chunks_of_a_hot_blob_make_it(channel: grpc.aio.Channel, server: Server, data: bytes) -> None:
    await upload(channel, data)
    assert place_of(server, data) is Place.FILE
    chunks = await split(channel, data)
    assert len(chunks) > 3
    assert b"".join(await read(channel, chunks)) == data
    assert place_of(server, data) is Place.RECIPE
    assert await split(channel, data) == chunks
    assert await download(channel, read_name(data)) == data


async def test_chunks_that_are_told_again_after_they_went(channel: grpc.aio.Channel, server: Server) -> None:
    await upload(channel, TAR)
    chunks = await split(channel, TAR)
    literal = min(chunks, key=lambda chunk: chunk.size_bytes)
    await server.store.delete(Digest.parse(f"sha256:{literal.hash}"))
    assert await split(channel, TAR) == chunks
    assert b"".join(await read(channel, chunks)) == TAR


async def test_a_blob_with_a_lost_chunk_has_no_list(channel: grpc.aio.Channel, server: Server) -> None:
    await upload(channel, TAR)
    chunks = await split(channel, TAR)
    largest = max(chunks, key=lambda chunk: chunk.size_bytes)
    await server.store.delete(Digest.parse(f"sha256:{largest.hash}"))
    with refused(grpc.StatusCode.NOT_FOUND, "1 of its chunks are lost"):
        await split(channel, TAR)


async def test_what_was_spliced_is_split_the_same_and_moved_nothing(channel: grpc.aio.Channel, server: Server) -> None:
    await upload(channel, TAR)
    chunks = await split(channel, TAR)
    pieces = await read(channel, chunks)
    for digest in (Digest.of(TAR), *(Digest.of(piece) for piece in pieces if len(piece) < 4000)):
        await server.store.delete(digest)
    for piece in pieces:
        await upload(channel, piece)
    stub = ContentAddressableStorageStub(channel)
    await stub.SpliceBlob(splice_request(TAR, *pieces))
    assert place_of(server, TAR) is Place.RECIPE
    assert await split(channel, TAR) == chunks
    assert await download(channel, read_name(TAR)) == TAR


async def test_chunks_of_any_size_are_written_as_a_whole(channel: grpc.aio.Channel, server: Server) -> None:
    data = random.Random(2).randbytes(700_000)
    await upload(channel, data[:400_000])
    await upload(channel, data[400_000:])
    stub = ContentAddressableStorageStub(channel)
    await stub.SpliceBlob(splice_request(data, data[:400_000], data[400_000:]))
    assert place_of(server, data) is Place.FILE
    # A cold blob is no chunk of another one either: no recipe leads to others.
    await upload(channel, TAR)
    await split(channel, TAR)
    both = TAR + data[400_000:]
    await stub.SpliceBlob(splice_request(both, TAR, data[400_000:]))
    assert await download(channel, read_name(both)) == both


async def test_chunks_of_another_cold_blob_are_refused(channel: grpc.aio.Channel) -> None:
    await upload(channel, TAR)
    pieces = await read(channel, await split(channel, TAR))
    other = bytes(len(TAR))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "but the bytes have"):
        await ContentAddressableStorageStub(channel).SpliceBlob(splice_request(other, *pieces))
    assert await is_missing(channel, other)


@pytest.mark.parametrize("data", [b"", b"small", bytes(100_000)], ids=["empty", "inline", "file"])
async def test_a_small_blob_is_its_own_chunk(channel: grpc.aio.Channel, data: bytes) -> None:
    await upload(channel, data)
    assert await split(channel, data) == [digest_of(data)]


@pytest.mark.parametrize("data", [foreign_gzip(TEXT * 20), random.Random(3).randbytes(400_000)], ids=["gz", "noise"])
async def test_what_stays_whole_has_no_list(channel: grpc.aio.Channel, server: Server, data: bytes) -> None:
    await upload(channel, data)
    for _ in range(2):
        with refused(grpc.StatusCode.NOT_FOUND, "is not cut into chunks"):
            await split(channel, data)
    assert place_of(server, data) is Place.FILE


async def test_limits(channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    await upload(channel, TAR)
    with monkeypatch.context() as patch:
        patch.setattr(splitter, "MOST_HOT", len(TAR) - 1)
        with refused(grpc.StatusCode.NOT_FOUND, "was not cut yet"):
            await split(channel, TAR)
    count = len(await split(channel, TAR))
    monkeypatch.setattr(chunks, "MAX_CHUNKS", count - 1)
    with refused(grpc.StatusCode.NOT_FOUND, f"more than {count - 1} pieces"):
        await split(channel, TAR)


async def test_requests_that_name_no_blob_are_refused(channel: grpc.aio.Channel) -> None:
    stub = ContentAddressableStorageStub(channel)
    with refused(grpc.StatusCode.NOT_FOUND, digest_of(b"unknown").hash):
        await split(channel, b"unknown")
    await upload(channel, b"known")
    request = pb.SplitBlobRequest(blob_digest=digest_of(b"known"))
    request.blob_digest.size_bytes += 1
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "has 5"):
        await stub.SplitBlob(request)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "blob_digest.hash"):
        await stub.SplitBlob(pb.SplitBlobRequest())
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "digest_function"):
        await stub.SplitBlob(pb.SplitBlobRequest(digest_function=pb.DigestFunction.BLAKE3))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "instance_name"):
        await stub.SplitBlob(pb.SplitBlobRequest(instance_name="a//b"))
