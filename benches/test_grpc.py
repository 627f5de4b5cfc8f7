"""Lookups over gRPC, and blobs beside a bare gRPC stream that neither hashes nor stores what it carries."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from tests.grpc.process import serving

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella._proto.lamella.v1.step_cache_pb2_grpc import StepCacheStub
from lamella.model import SCRATCH, ExecutionContext, Instruction, Platform, Step, StepResult
from lamella.steps.key import step_key
from lamella.wire.result import result_to_message
from lamella.wire.step import step_to_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

OPTIONS = [("grpc.max_receive_message_length", 8 << 20), ("grpc.max_send_message_length", 8 << 20)]
PIECE = 1 << 20
PIECES = 256
ROUNDS = 5

BARE_SERVER = f"""
import asyncio, os, grpc.aio
from lamella._proto.google.bytestream import bytestream_pb2 as stream
ANSWER = stream.ReadResponse(data=os.urandom({PIECE})).SerializeToString()
async def read(request, context):
    for _ in range({PIECES}):
        yield ANSWER
async def write(requests, context):
    async for _ in requests:
        pass
    return b""
async def main():
    server = grpc.aio.server(options={OPTIONS!r})
    read_handler, write_handler = grpc.unary_stream_rpc_method_handler, grpc.stream_unary_rpc_method_handler
    handlers = {{"Read": read_handler(read), "Write": write_handler(write)}}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("google.bytestream.ByteStream", handlers),))
    print(f"127.0.0.1:{{server.add_insecure_port('127.0.0.1:0')}}", flush=True)
    await server.start()
    await server.wait_for_termination()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    with (
        serving(tmp_path_factory.mktemp("server") / "data") as server,
        grpc.insecure_channel(server.address, options=OPTIONS) as channel,
    ):
        yield channel


@pytest.fixture(scope="module")
def bare_channel() -> Iterator[grpc.Channel]:
    process = subprocess.Popen([sys.executable, "-c", BARE_SERVER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout, grpc.insecure_channel(process.stdout.readline().strip(), options=OPTIONS) as channel:
        yield channel
    process.terminate()
    process.wait()


@pytest.mark.parametrize("steps", [1, 30])
def test_resolve(benchmark: BenchmarkFixture, channel: grpc.Channel, steps: int) -> None:
    """Every step hits; each is applied to the one before."""
    stub = StepCacheStub(channel)
    nodes = []
    for number in range(steps):
        instruction = Instruction("LABEL", (f"number={number}",))
        step = Step(Platform("linux", "amd64"), SCRATCH, ExecutionContext(), instruction)
        message = step_to_message(step)
        stub.Commit(pb.CommitRequest(step=message, key=str(step_key(step)), result=result_to_message(StepResult())))
        nodes.append(pb.ResolveRequest.Node(step=message, index=number - 1 if number else None))
    response = benchmark(stub.Resolve, pb.ResolveRequest(steps=nodes))
    assert {answer.status for answer in response.answers} == {pb.ResolveResponse.HIT}


def test_find_missing_1000(benchmark: BenchmarkFixture, channel: grpc.Channel) -> None:
    """Half of the blobs are there."""
    stub = ContentAddressableStorageStub(channel)
    blobs = [number.to_bytes(4, "big") for number in range(1000)]
    digests = [reapi.Digest(hash=hashlib.sha256(data).hexdigest(), size_bytes=4) for data in blobs]
    update = reapi.BatchUpdateBlobsRequest.Request
    present = [update(digest=digest, data=data) for digest, data in zip(digests[::2], blobs[::2], strict=True)]
    stub.BatchUpdateBlobs(reapi.BatchUpdateBlobsRequest(requests=present))
    response = benchmark(stub.FindMissingBlobs, reapi.FindMissingBlobsRequest(blob_digests=digests))
    assert len(response.missing_blob_digests) == 500


def test_blob_throughput(benchmark: BenchmarkFixture, channel: grpc.Channel, bare_channel: grpc.Channel) -> None:
    """Up and down by turns with the bare stream; ``extra_info`` has the medians in MB/s, and their ratios."""
    rates: dict[str, list[float]] = {"up": [], "down": [], "bare up": [], "bare down": []}
    size = PIECES * PIECE

    def rate(name: str, call: Callable[[], object]) -> None:
        start = time.perf_counter()
        call()
        rates[name].append(size / (time.perf_counter() - start) / 1e6)

    def round_trip() -> None:
        pieces = [os.urandom(PIECE) for _ in range(PIECES)]
        sha256 = hashlib.sha256()
        for piece in pieces:
            sha256.update(piece)
        name = f"blobs/{sha256.hexdigest()}/{size}"
        for prefix, stub in (("bare ", ByteStreamStub(bare_channel)), ("", ByteStreamStub(channel))):
            rate(f"{prefix}up", lambda stub=stub: stub.Write(requests(name, pieces)))  # type: ignore[misc] # no type for a default
            read = stream.ReadRequest(resource_name=name)
            rate(f"{prefix}down", lambda stub=stub, read=read: [None for _ in stub.Read(read)])  # type: ignore[misc]

    benchmark.pedantic(round_trip, rounds=ROUNDS, warmup_rounds=1)
    medians = {name: round(median(values[1:])) for name, values in rates.items()}
    ratios = {f"{name} ratio": round(medians[name] / medians[f"bare {name}"], 2) for name in ("up", "down")}
    benchmark.extra_info.update(medians | ratios)
    print(medians | ratios)


def requests(name: str, pieces: list[bytes]) -> Iterator[stream.WriteRequest]:
    upload = f"uploads/{uuid4()}/{name}"
    for place, piece in enumerate(pieces):
        yield stream.WriteRequest(
            resource_name="" if place else upload,
            write_offset=place * PIECE,
            data=piece,
            finish_write=place == len(pieces) - 1,
        )
