"""What a serving process holds in memory while blobs of every kind are moved at once."""

from __future__ import annotations

import asyncio
import os
from contextlib import closing
from typing import TYPE_CHECKING, Final

import grpc.aio
import pytest

from lamella._core import Sha256
from lamella._proto.google.bytestream import bytestream_pb2 as pb
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella.client import AsyncClient, Blob, ChunkCache
from lamella.client.delta_upload import keep_file
from lamella.model import Digest
from lamella.store.local import LocalStore
from tests.grpc.process import peak_memory
from tests.http.process import RegistryProcess, serving
from tests.http.test_processes import session
from tests.releases import patched, release
from tests.suites.blob_store import put
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import aiohttp

pytestmark = pytest.mark.slow

TRANSFERS: Final = 8

MOST_MEMORY: Final = 150 << 20
"""Bytes of resident memory that a process may take with that many transfers at once."""

LARGE: Final = 256 << 20
PIECE: Final = 1 << 20
SMALL_PIECE: Final = 256 << 10

PAUSE: Final = 0.01
"""Seconds that a slow client waits after each of its pieces, so that the server is always ahead of it."""

FILE_SIZE: Final = 500_000


async def _transfer(client: aiohttp.ClientSession, number: int) -> None:
    block = os.urandom(PIECE - 8)
    hasher = Sha256()

    async def body() -> AsyncIterator[bytes]:
        for piece in range(LARGE // PIECE):
            data = piece.to_bytes(8) + block
            hasher.update(data)
            yield data

    async with client.post(f"/v2/r{number}/blobs/uploads/") as response:
        location = response.headers["Location"]
    async with client.patch(location, data=body()) as response:
        assert response.status == 202
    digest = str(Digest(hasher.digest()))
    async with client.put(location, params={"digest": digest}) as response:
        assert response.status == 201
    received = Sha256()
    async with client.get(f"/v2/r{number}/blobs/{digest}") as response:
        async for data in response.content.iter_chunked(PIECE):
            received.update(data)
    assert str(Digest(received.digest())) == digest


def _check_memory(server: RegistryProcess) -> None:
    peak = peak_memory(server.pid)
    print(f"peak memory: {peak >> 20} MiB")
    assert peak < MOST_MEMORY


async def test_hot_blobs_pushed_and_pulled(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        async with session(server.http) as client:
            await asyncio.gather(*(_transfer(client, number) for number in range(TRANSFERS)))
        _check_memory(server)


async def _store(folder: Path, data: bytes, *, cold: bool, inflated: bool = False) -> None:
    """Make a store that has a blob, and with ``inflated`` what it holds compressed, too."""
    with closing(LocalStore(folder)) as store:
        digest = await put(store, data)
        if cold:
            outcome = await asyncio.to_thread(store.compactor.compact, digest)
            assert outcome is not None
            assert outcome.kept is None
        if inflated:
            await asyncio.to_thread(store.examiner.examine, digest)


async def _pull(server: RegistryProcess, digest: Digest) -> int:
    size = 0
    async with session(server.http) as client, client.get(f"/v2/a/blobs/{digest}") as response:
        assert response.status == 200
        async for data in response.content.iter_chunked(SMALL_PIECE):
            size += len(data)
            await asyncio.sleep(PAUSE)
    return size


async def _read(server: RegistryProcess, digest: Digest, size: int) -> int:
    """Read a blob over a connection of its own by ``ByteStream.Read``."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    received = 0
    async with grpc.aio.insecure_channel(server.grpc, options=options) as channel:
        request = pb.ReadRequest(resource_name=f"blobs/{digest.hex}/{size}")
        async for response in ByteStreamStub(channel).Read(request):
            received += len(response.data)
            await asyncio.sleep(PAUSE * len(response.data) / SMALL_PIECE)
    return received


@pytest.mark.parametrize("kind", ["cold", "cold_go", "inflated_hot", "inflated_cold", "cold_by_grpc"])
async def test_layers_pulled_that_are_made_as_they_are_sent(tmp_path: Path, kind: str) -> None:
    tar = release(0, size=FILE_SIZE)
    pushed = tar if kind in {"cold", "cold_by_grpc"} else compressed(tar, "go-1.26")
    inflated = kind.startswith("inflated")
    await _store(tmp_path, pushed, cold=kind != "inflated_hot", inflated=inflated)
    asked = tar if inflated else pushed
    digest = Digest.of(asked)
    with serving(tmp_path) as server:
        if kind == "cold_by_grpc":
            pulls = [_read(server, digest, len(asked)) for _ in range(TRANSFERS)]
        else:
            pulls = [_pull(server, digest) for _ in range(TRANSFERS)]
        assert await asyncio.gather(*pulls) == [len(asked)] * TRANSFERS
        _check_memory(server)


@pytest.mark.parametrize("way", ["push", "pull"])
async def test_releases_moved_as_what_is_new(tmp_path: Path, way: str) -> None:
    """Releases of which hardly a chunk stays, against the one before."""
    old = tmp_path / "old.tar"
    data = release(0, size=FILE_SIZE)
    old.write_bytes(data)
    await _store(tmp_path / "data", data, cold=True)
    releases = [tmp_path / f"new{number}.tar" for number in range(TRANSFERS)]
    for number, path in enumerate(releases):
        # The first file stays: by what it has in common a base is found.
        path.write_bytes(data[:FILE_SIZE] + patched(data, 4000 + 100 * number)[FILE_SIZE:])
        if way == "pull":
            await _store(tmp_path / "data", path.read_bytes(), cold=True)

    async def move(address: str, path: Path) -> None:
        cache = ChunkCache(path.with_suffix(".cache"))
        await keep_file(old, cache)
        blob = await Blob.of_file(path)
        async with AsyncClient(address, chunk_cache=cache) as client:
            if way == "push":
                await client.upload([blob])
                assert client.traffic.sent < blob.size // 10
            else:
                await client.download(blob.digest, blob.size, path.with_suffix(".back"))
                assert client.traffic.received < blob.size // 10

    with serving(tmp_path / "data") as server:
        await asyncio.gather(*(move(server.grpc, path) for path in releases))
        _check_memory(server)
