"""A server in this process, on a port of the kernel's choice, and a channel to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc.aio
import pytest

from lamella.server.grpc.door import GrpcDoor
from lamella.server.process import compose
from lamella.store.local import LocalStore
from tests.grpc.deltas import NEW, OLD, Cut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lamella.server.domain import Domain

MAX_BLOB_SIZE = 64 << 20
OPTIONS = [("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20)]


@dataclass
class Server:
    address: str
    folder: Path
    store: LocalStore
    domain: Domain
    door: GrpcDoor

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[grpc.aio.Channel]:
        """Open one more connection: channels to one address share theirs otherwise."""
        async with grpc.aio.insecure_channel(
            self.address, options=[*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            yield channel


@asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[Server]:
    """Serve a store until the context is left."""
    async with LocalStore(folder, max_blob_size=MAX_BLOB_SIZE) as store:
        domain = compose(store, MAX_BLOB_SIZE)
        door = GrpcDoor(domain)
        port = await door.start("127.0.0.1:0")
        await door.set_serving(True)
        try:
            yield Server(f"127.0.0.1:{port}", folder, store, domain, door)
        finally:
            await door.drain(0)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serve(tmp_path / "data") as server:
        yield server


@pytest.fixture
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    async with server.connect() as channel:
        yield channel


@pytest.fixture
def old(tmp_path: Path) -> Cut:
    return Cut.of(OLD, tmp_path)


@pytest.fixture
def new(tmp_path: Path) -> Cut:
    return Cut.of(NEW, tmp_path)
