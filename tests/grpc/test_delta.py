"""Our client and our server: releases that have most in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lamella.client import AsyncClient, Blob, ChunkCache, Missing
from lamella.index import Place
from lamella.model import Digest
from tests.grpc.deltas import CHANGED, NEW, OLD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.grpc.conftest import Server


@pytest.fixture
async def client(server: Server, tmp_path: Path) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.address, chunk_cache=ChunkCache(tmp_path / "cache")) as client:
        yield client


async def push(client: AsyncClient, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "in"
    path.write_bytes(data)
    await client.upload([await Blob.of_file(path)])


async def test_the_next_release_goes_up_and_comes_down_by_what_is_new(
    client: AsyncClient, server: Server, tmp_path: Path
) -> None:
    await push(client, tmp_path, OLD)
    assert client.traffic.saved == 0
    await client.download(Digest.of(OLD), len(OLD), tmp_path / "out")
    server.store.compactor.compact(Digest.of(OLD))
    sent = client.traffic.sent
    await push(client, tmp_path, NEW)
    record = server.store.blobs.get(Digest.of(NEW))
    assert record is not None
    assert record.place is Place.RECIPE
    assert 0.8 * CHANGED < client.traffic.sent - sent < 1.4 * CHANGED
    assert client.traffic.saved > len(NEW) - 1.2 * CHANGED
    received = client.traffic.received
    await client.download(Digest.of(NEW), len(NEW), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == NEW
    assert client.traffic.received - received < 1.4 * CHANGED


async def test_what_the_server_lost_is_sent_again(client: AsyncClient, server: Server, tmp_path: Path) -> None:
    await push(client, tmp_path, OLD)
    server.store.compactor.compact(Digest.of(OLD))
    for raw in Digest.split(await server.store.chunks_of(Digest.of(OLD)))[:5]:
        await server.store.delete(raw)
    await push(client, tmp_path, NEW)
    with pytest.raises(Missing):
        await client.read(Digest.of(b"never"), 5, 5)
    await client.download(Digest.of(NEW), len(NEW), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == NEW
