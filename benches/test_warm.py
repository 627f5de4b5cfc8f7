"""Pulls of compressed layers that an encoder makes anew each time, beside the same layers once they are hot again."""

from __future__ import annotations

import asyncio
import http.client
import struct
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.http.process import serving

from benches.test_cold import layer, put
from benches.test_registry import PIECE, Peer
from lamella._core import Reencoder
from lamella.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from lamella.model import Digest

__all__ = ["layer"]

ROUNDS = 5
HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
ENCODERS = {
    "go-6": ("go-1.26", struct.pack(">b", 6)),
    "zlib-9": ("zlib-1.3", struct.pack(">bB", 9, 8)),
    "plain": None,
}
SIZES = {"zlib-9": 4 << 20}
"""Bytes of content for an encoder that would take minutes."""


def encoded(content: bytes, encoder: tuple[str, bytes] | None) -> bytes:
    """Return the layer as it is pushed."""
    if encoder is None:
        return content
    name, settings = encoder
    member = struct.pack(">H", len(HEADER)) + HEADER + struct.pack(">Q", len(content))
    reencoder = Reencoder(name, settings + member)
    return reencoder.write(content) + reencoder.finish()


async def fill(folder: Path, data: bytes, hot: bool) -> Digest:
    async with LocalStore(folder) as store:
        digest = await put(store, data)
        outcome = store.compactor.compact(digest)
        assert outcome is not None
        assert outcome.kept is None
        assert not hot or store.warmer.warm(digest) == len(data)
        return digest


def pull(address: str, digest: Digest) -> int:
    with closing(http.client.HTTPConnection(address, timeout=120)) as connection:
        connection.request("GET", f"/v2/bench/blobs/{digest}")
        answer, buffer, size = connection.getresponse(), bytearray(PIECE), 0
        assert answer.status == 200
        while count := answer.readinto(buffer):
            size += count
        return size


@pytest.mark.parametrize("hot", [False, True], ids=["cold", "hot_again"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_pull(benchmark: BenchmarkFixture, tmp_path: Path, layer: bytes, encoder: str, hot: bool) -> None:
    """The processor's time is the server's, in ms for each MB of content."""
    content = layer[: SIZES.get(encoder)]
    data = encoded(content, ENCODERS[encoder])
    digest = asyncio.run(fill(tmp_path / "store", data, hot))
    with serving(tmp_path / "store", warm_after=None, cold_after=None) as server:
        peer = Peer(server.http, server.pid)
        pull(server.http, digest)
        begun = peer.processor_seconds()
        assert benchmark.pedantic(lambda: pull(server.http, digest), rounds=ROUNDS) == len(data)
        spent = (peer.processor_seconds() - begun) / ROUNDS
    benchmark.extra_info["ms/MB of processor"] = round(spent * 1e9 / len(content), 2)
