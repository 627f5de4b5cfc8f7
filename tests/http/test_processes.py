"""The registry in processes of its own: several workers, and a stop."""

from __future__ import annotations

import asyncio
import os
import signal
from io import BytesIO
from typing import TYPE_CHECKING

import aiohttp
import pytest

from lamella.model import Digest
from tests.http.process import serving

if TYPE_CHECKING:
    from pathlib import Path

DATA = os.urandom(2_000_000)


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
