"""The registry in processes of its own: several workers, a stop, and what it holds in memory."""

from __future__ import annotations

import asyncio
import os
import signal
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from lamella._core import Sha256
from lamella.model import Digest
from tests.http.process import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DATA = os.urandom(2_000_000)
TRANSFERS = 8
LARGE = 256 << 20
PIECE = 1 << 20
MOST_MEMORY = 150 << 10
"""KiB of resident memory that a process may take with that many transfers at once."""


def session(address: str) -> aiohttp.ClientSession:
    """Return a client that opens a connection for each request, as buildah does."""
    return aiohttp.ClientSession(f"http://{address}", connector=aiohttp.TCPConnector(force_close=True))


async def test_an_upload_whose_requests_reach_different_workers(tmp_path: Path) -> None:
    with serving(tmp_path / "data", workers=3) as server:
        async with session(server.http) as client:
            for round_ in range(5):
                data = DATA + bytes([round_])
                async with client.post("/v2/a/blobs/uploads/") as response:
                    location = response.headers["Location"]
                for start in range(0, len(data), 300_000):
                    chunk = data[start : start + 300_000]
                    headers = {"Content-Range": f"{start}-{start + len(chunk) - 1}"}
                    async with client.patch(location, data=chunk, headers=headers) as response:
                        assert response.status == 202
                digest = str(Digest.of(data))
                async with client.put(location, params={"digest": digest}) as response:
                    assert response.status == 201
                async with client.get(f"/v2/b/blobs/{digest}") as response:
                    assert await response.read() == data


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_stop_lets_a_running_download_finish(tmp_path: Path, workers: int) -> None:
    data = DATA * 20
    digest = str(Digest.of(data))
    with serving(tmp_path / "data", workers) as server:
        async with session(server.http) as client:
            params = {"digest": digest}
            async with client.post("/v2/a/blobs/uploads/", params=params, data=BytesIO(data)) as response:
                assert response.status == 201
            async with client.get(f"/v2/a/blobs/{digest}") as response:
                received = bytearray(await response.content.readexactly(1000))
                os.kill(server.pid, signal.SIGTERM)
                await asyncio.sleep(0.3)
                with pytest.raises(aiohttp.ClientConnectionError):
                    await client.get("/v2/")
                received += await response.read()
        assert received == data


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


def _peak_memory(pid: int) -> int:
    """Return the most KiB of memory that a process has held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.slow
async def test_memory_stays_bounded_with_many_transfers_at_once(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        async with session(server.http) as client:
            await asyncio.gather(*(_transfer(client, number) for number in range(TRANSFERS)))
        peak = _peak_memory(server.pid)
    print(f"peak memory: {peak} KiB")
    assert peak < MOST_MEMORY
