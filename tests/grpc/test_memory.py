"""Memory does not grow with the size of a blob; the kernel knows the peak of a server in a process of its own."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
import zstandard

from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from tests.grpc.calls import PIECE
from tests.grpc.conftest import OPTIONS
from tests.grpc.process import peak_memory, serving

SIZE = 2 << 30
MOST = 200 << 20

BLOCKS = [hashlib.shake_256(bytes([number])).digest(PIECE) for number in range(8)]


def blob() -> Iterator[bytes]:
    for number in range(SIZE // PIECE):
        yield number.to_bytes(8, "big") + BLOCKS[number % len(BLOCKS)][8:]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["blobs", "compressed-blobs/zstd"])
def test_a_blob_of_two_gibibytes_goes_up_and_down_in_bounded_memory(tmp_path: Path, kind: str) -> None:
    sha256 = hashlib.sha256()
    for block in blob():
        sha256.update(block)
    name = f"{kind}/{sha256.hexdigest()}/{SIZE}"

    def pieces() -> Iterator[bytes]:
        if kind == "blobs":
            yield from blob()
            return
        compressor = zstandard.ZstdCompressor(level=1).compressobj()
        for block in blob():
            yield compressor.compress(block)
        yield compressor.flush()

    def requests() -> Iterator[stream.WriteRequest]:
        offset = 0
        for piece in pieces():
            yield stream.WriteRequest(
                resource_name="" if offset else f"uploads/{uuid4()}/{name}", write_offset=offset, data=piece
            )
            offset += len(piece)
        yield stream.WriteRequest(write_offset=offset, finish_write=True)

    with serving(tmp_path / "data") as server, grpc.insecure_channel(server.address, options=OPTIONS) as channel:
        stub = ByteStreamStub(channel)
        stub.Write(requests())
        received = hashlib.sha256()
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        for response in stub.Read(stream.ReadRequest(resource_name=name)):
            received.update(response.data if kind == "blobs" else decompressor.decompress(response.data))
        assert received.digest() == sha256.digest()
        assert peak_memory(server.pid) < MOST
