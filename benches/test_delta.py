"""Releases of packages pushed and pulled one after the other: what goes over the wire, and how long it takes.

``LAMELLA_CORPUS=full`` takes all of the corpus instead of the quick part.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest
from tests.grpc.process import serving

from benches.corpus import Corpus
from benches.wire import tcp_bytes
from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella.client import AsyncClient, Blob, ChunkCache, Missing
from lamella.wire.blob import BlobName

if TYPE_CHECKING:
    from tests.grpc.process import ServerProcess

    from benches.corpus import Layer, Series

MIB = 1 << 20
MOST_SENT = 0.4
"""Of the gzip layer that a registry would be sent: the goal for a delta push."""

CORPUS = Corpus(quick=os.environ.get("LAMELLA_CORPUS") != "full")


@dataclass
class Cost:
    """What a transfer took: bytes on the wire, seconds, and seconds of a processor, on both sides together."""

    wire: int
    seconds: float
    busy: float


@dataclass
class Move:
    """One release after the one before; ``compressed`` is the bytes of its gzip layer."""

    layer: Layer
    compressed: int
    delta: Cost
    whole: Cost


def report(title: str, moves: list[Move]) -> float:
    """Print a table and return the share of the compressed layers that went over the wire."""
    columns = ["release", "gzip layer, MB", "on the wire, MB", "share", "seconds, busy", "whole: MB", "seconds, busy"]
    print(f"\n{title}\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for move in moves:
        print(
            f"| {move.layer.series} {move.layer.version} | {move.compressed / 1e6:.2f} | {move.delta.wire / 1e6:.2f} "
            f"| {move.delta.wire / move.compressed:.2f} | {move.delta.seconds:.2f}, {move.delta.busy:.2f} "
            f"| {move.whole.wire / 1e6:.2f} | {move.whole.seconds:.2f}, {move.whole.busy:.2f} |"
        )
    share = sum(move.delta.wire for move in moves) / sum(move.compressed for move in moves)
    faster = median(move.whole.seconds / move.delta.seconds for move in moves)
    busier = median(move.delta.busy / move.whole.busy for move in moves)
    print(f"all: {share:.3f} of the gzip layers; {faster:.2f} times the speed, {busier:.2f} times the work (medians)")
    return share


def busy(server: ServerProcess) -> float:
    """Return the seconds of a processor that this process and the server have taken so far."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measured(server: ServerProcess, cache: ChunkCache | None, path: Path, target: Path | None) -> Cost:
    """Push a file, or pull its blob to ``target``."""
    blob = await Blob.of_file(path)
    async with AsyncClient(server.address, chunk_cache=cache) as client:
        await client.is_serving()
        begin, before = time.perf_counter(), busy(server)
        if target is None:
            assert await client.upload([blob]) == {blob.digest}
        else:
            await client.download(blob.digest, blob.size, target)
        return Cost(tcp_bytes(server.address)[target is not None], time.perf_counter() - begin, busy(server) - before)


def push(server: ServerProcess, path: Path, cache: ChunkCache | None) -> Cost:
    return asyncio.run(measured(server, cache, path, None))


def pull(server: ServerProcess, path: Path, target: Path, cache: ChunkCache | None) -> Cost:
    return asyncio.run(measured(server, cache, path, target))


async def turn_cold(address: str, path: Path) -> None:
    """Have the server cut a layer, as it does by itself an hour after its last use."""
    blob = await Blob.of_file(path)
    async with AsyncClient(address) as client:
        request = reapi.SplitBlobRequest(blob_digest=BlobName(blob.digest, blob.size).message)
        with suppress(Missing):
            await client.unary(ContentAddressableStorageStub(client.channel).SplitBlob, request)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("series", CORPUS.series, ids=lambda series: series.name)
def test_pushes(series: Series, tmp_path: Path) -> None:
    moves = []
    cache = ChunkCache(tmp_path / "cache")
    with serving(tmp_path / "delta") as by_delta, serving(tmp_path / "whole") as whole:
        for layer in series.layers:
            path, compressed = CORPUS.plain(layer), CORPUS.compressed(layer, "gzip").stat().st_size
            moves.append(Move(layer, compressed, push(by_delta, path, cache), push(whole, path, None)))
            asyncio.run(turn_cold(by_delta.address, path))
    share = report("push", moves[1:])
    print(f"goal: at most {MOST_SENT}: {'reached' if share <= MOST_SENT else 'missed'}")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("series", CORPUS.series, ids=lambda series: series.name)
def test_pulls(series: Series, tmp_path: Path) -> None:
    moves = []
    cache = ChunkCache(tmp_path / "cache")
    with serving(tmp_path / "data") as server:
        for layer in series.layers:
            path, compressed = CORPUS.plain(layer), CORPUS.compressed(layer, "gzip").stat().st_size
            push(server, path, cache)
            asyncio.run(turn_cold(server.address, path))
            target = tmp_path / "out"
            moves.append(Move(layer, compressed, pull(server, path, target, cache), pull(server, path, target, None)))
    report("pull", moves[1:])
