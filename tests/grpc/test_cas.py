import asyncio

import grpc
import pytest
import zstandard
from google.rpc.code_pb2 import INVALID_ARGUMENT, NOT_FOUND, OK

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella.server.grpc import cas, directories
from lamella.server.grpc.limits import MAX_BATCH_BLOBS, MAX_BATCH_SIZE
from tests.grpc.calls import digest_of, download, is_missing, read_name, refused, upload
from tests.grpc.conftest import Server

BLOBS = [b"", b"a", b"b" * 5000, b"c" * 1_000_000]
UNKNOWN = digest_of(b"unknown")


def updates(*blobs: bytes) -> pb.BatchUpdateBlobsRequest:
    return pb.BatchUpdateBlobsRequest(
        requests=[pb.BatchUpdateBlobsRequest.Request(digest=digest_of(data), data=data) for data in blobs]
    )


async def store(channel: grpc.aio.Channel, *messages: pb.Directory | pb.Tree) -> list[pb.Digest]:
    encoded = [message.SerializeToString(deterministic=True) for message in messages]
    for data in encoded:
        await upload(channel, data)
    return [digest_of(data) for data in encoded]


async def test_what_is_missing_is_told_once_and_in_order(channel: grpc.aio.Channel) -> None:
    await upload(channel, BLOBS[1])
    asked = [digest_of(data) for data in (b"y", BLOBS[1], b"x", b"y", b"")]
    response = await ContentAddressableStorageStub(channel).FindMissingBlobs(
        pb.FindMissingBlobsRequest(blob_digests=asked)
    )
    assert list(response.missing_blob_digests) == [asked[0], asked[2]]


async def test_a_batch_is_stored_and_read_back(channel: grpc.aio.Channel) -> None:
    stub = ContentAddressableStorageStub(channel)
    response = await stub.BatchUpdateBlobs(updates(*BLOBS))
    assert [item.status.code for item in response.responses] == [OK] * len(BLOBS)
    assert [item.digest for item in response.responses] == [digest_of(data) for data in BLOBS]
    read = await stub.BatchReadBlobs(pb.BatchReadBlobsRequest(digests=[digest_of(data) for data in BLOBS]))
    assert [item.data for item in read.responses] == BLOBS
    assert await download(channel, read_name(BLOBS[2])) == BLOBS[2]


async def test_each_blob_of_a_batch_has_its_own_status(channel: grpc.aio.Channel, server: Server) -> None:
    request = updates(b"good", b"wrong bytes", b"wrong size", b"malformed", b"also good")
    request.requests[1].data = b"bytes wrong"
    request.requests[2].digest.size_bytes += 1
    request.requests[3].digest.hash = "xyz"
    response = await ContentAddressableStorageStub(channel).BatchUpdateBlobs(request)
    codes = [item.status.code for item in response.responses]
    assert codes == [OK, INVALID_ARGUMENT, INVALID_ARGUMENT, INVALID_ARGUMENT, OK]
    assert "xyz" in response.responses[3].status.message
    assert [info.size async for info in server.store.walk()] in ([4, 9], [9, 4])


async def test_a_compressed_batch_is_stored_uncompressed(channel: grpc.aio.Channel) -> None:
    request = updates(*BLOBS, b"not zstd", b"too large", b"brotli", b"cut off")
    for item in request.requests:
        item.compressor = pb.Compressor.ZSTD
        item.data = zstandard.ZstdCompressor().compress(item.data)
    request.requests[4].data = b"not zstd"
    request.requests[5].data = zstandard.ZstdCompressor().compress(bytes(100_000_000))
    request.requests[6].compressor = pb.Compressor.BROTLI
    request.requests[7].data = request.requests[7].data[:-1]
    response = await ContentAddressableStorageStub(channel).BatchUpdateBlobs(request)
    assert [item.status.code for item in response.responses] == [OK] * 4 + [INVALID_ARGUMENT] * 4
    assert await download(channel, read_name(BLOBS[3])) == BLOBS[3]


async def test_a_batch_is_compressed_for_a_client_that_likes_it(channel: grpc.aio.Channel) -> None:
    for data in BLOBS:
        await upload(channel, data)
    request = pb.BatchReadBlobsRequest(
        digests=[*map(digest_of, BLOBS), UNKNOWN], acceptable_compressors=[pb.Compressor.ZSTD]
    )
    *read, unknown = (await ContentAddressableStorageStub(channel).BatchReadBlobs(request)).responses
    compressed = [item.compressor for item in read]
    assert compressed == [pb.Compressor.IDENTITY] * 2 + [pb.Compressor.ZSTD] * 2
    assert [zstandard.decompress(item.data) if item.compressor else item.data for item in read] == BLOBS
    assert len(read[3].data) < 1000
    assert (unknown.status.code, unknown.data, unknown.compressor) == (NOT_FOUND, b"", pb.Compressor.IDENTITY)


async def test_blobs_that_cannot_be_read_have_their_own_status(channel: grpc.aio.Channel) -> None:
    await upload(channel, b"here")
    digests = [digest_of(b"here"), UNKNOWN, pb.Digest(hash="xyz"), digest_of(b"here")]
    digests[3].size_bytes += 1
    response = await ContentAddressableStorageStub(channel).BatchReadBlobs(pb.BatchReadBlobsRequest(digests=digests))
    codes = [item.status.code for item in response.responses]
    assert codes == [OK, NOT_FOUND, INVALID_ARGUMENT, INVALID_ARGUMENT]
    assert [item.digest for item in response.responses] == digests


async def test_the_largest_batch_fits_a_message(channel: grpc.aio.Channel) -> None:
    size = MAX_BATCH_SIZE // MAX_BATCH_BLOBS
    blobs = [number.to_bytes(size, "big") for number in range(MAX_BATCH_BLOBS)]
    stub = ContentAddressableStorageStub(channel)
    request = updates(*blobs)
    assert request.ByteSize() < 4 << 20
    await stub.BatchUpdateBlobs(request)
    response = await stub.BatchReadBlobs(pb.BatchReadBlobsRequest(digests=[digest_of(data) for data in blobs]))
    assert [item.data for item in response.responses] == blobs
    assert response.ByteSize() < 4 << 20


@pytest.mark.parametrize(
    "digests",
    [
        [pb.Digest(hash="a" * 64, size_bytes=MAX_BATCH_SIZE + 1)],
        [pb.Digest(hash="a" * 64, size_bytes=MAX_BATCH_SIZE + 1), pb.Digest(hash="b" * 64, size_bytes=-1_000_000)],
        [UNKNOWN] * (MAX_BATCH_BLOBS + 1),
    ],
)
async def test_a_batch_past_the_limit_is_refused_as_a_whole(
    channel: grpc.aio.Channel, digests: list[pb.Digest]
) -> None:
    stub = ContentAddressableStorageStub(channel)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "in a batch"):
        await stub.BatchReadBlobs(pb.BatchReadBlobsRequest(digests=digests))
    requests = [pb.BatchUpdateBlobsRequest.Request(digest=digest) for digest in digests]
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "in a batch"):
        await stub.BatchUpdateBlobs(pb.BatchUpdateBlobsRequest(requests=requests))


async def test_too_many_digests_are_refused(channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cas, "MAX_DIGESTS", 2)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "limited to 2, not 3"):
        await ContentAddressableStorageStub(channel).FindMissingBlobs(
            pb.FindMissingBlobsRequest(blob_digests=[UNKNOWN] * 3)
        )


async def test_requests_with_malformed_fields_are_refused(channel: grpc.aio.Channel) -> None:
    stub = ContentAddressableStorageStub(channel)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "blob_digests[1].hash"):
        await stub.FindMissingBlobs(pb.FindMissingBlobsRequest(blob_digests=[UNKNOWN, pb.Digest()]))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "digest_function"):
        await stub.FindMissingBlobs(pb.FindMissingBlobsRequest(digest_function=pb.DigestFunction.BLAKE3))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "instance_name"):
        await stub.BatchUpdateBlobs(pb.BatchUpdateBlobsRequest(instance_name="a//b"))


async def test_a_batch_that_is_cancelled_stores_whole_blobs_or_none(channel: grpc.aio.Channel, server: Server) -> None:
    call = ContentAddressableStorageStub(channel).BatchUpdateBlobs(updates(*BLOBS))
    await asyncio.sleep(0)
    call.cancel()
    for data in BLOBS:
        if not await is_missing(channel, data):
            assert await download(channel, read_name(data)) == data
    assert not list((server.folder / "temporary").iterdir())


async def tree(channel: grpc.aio.Channel) -> tuple[pb.Digest, list[pb.Directory]]:
    """Store root -> (a, b) -> leaf, where the leaf is below both, and c, which is not in the store."""
    leaf = pb.Directory(symlinks=[pb.SymlinkNode(name="link", target="there")])
    [leaf_digest] = await store(channel, leaf)
    a, b = (pb.Directory(directories=[pb.DirectoryNode(name=name, digest=leaf_digest)]) for name in ("one", "two"))
    a_digest, b_digest = await store(channel, a, b)
    nodes = [("a", a_digest), ("b", b_digest), ("c", UNKNOWN)]
    root = pb.Directory(directories=[pb.DirectoryNode(name=name, digest=digest) for name, digest in nodes])
    [root_digest] = await store(channel, root)
    return root_digest, [root, a, b, leaf]


@pytest.mark.parametrize(("page_size", "pages"), [(0, 1), (1, 4), (3, 2)])
async def test_a_tree_is_sent_once_and_less_what_is_missing(
    channel: grpc.aio.Channel, page_size: int, pages: int
) -> None:
    root, expected = await tree(channel)
    request = pb.GetTreeRequest(root_digest=root, page_size=page_size)
    responses = [response async for response in ContentAddressableStorageStub(channel).GetTree(request)]
    assert [directory for response in responses for directory in response.directories] == expected
    assert len(responses) == pages


async def get_tree(channel: grpc.aio.Channel, request: pb.GetTreeRequest) -> None:
    async for _ in ContentAddressableStorageStub(channel).GetTree(request):
        pass


async def test_a_tree_that_cannot_be_sent_is_refused(
    channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refused(grpc.StatusCode.NOT_FOUND, UNKNOWN.hash):
        await get_tree(channel, pb.GetTreeRequest(root_digest=UNKNOWN))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "page_token"):
        await get_tree(channel, pb.GetTreeRequest(root_digest=UNKNOWN, page_token="2"))
    await upload(channel, b"no directory")
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "is not an encoded Directory"):
        await get_tree(channel, pb.GetTreeRequest(root_digest=digest_of(b"no directory")))
    root, _ = await tree(channel)
    monkeypatch.setattr(directories, "MAX_TREE_DIRECTORIES", 3)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "directories of a tree"):
        await get_tree(channel, pb.GetTreeRequest(root_digest=root))
    monkeypatch.setattr(directories, "MAX_DIRECTORY", 3)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "the size of a Directory"):
        await get_tree(channel, pb.GetTreeRequest(root_digest=root))
