"""Layers that are pulled again and again while they are cold, and are files again then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from lamella.index import Place
from lamella.maintenance.pace import Pace
from lamella.maintenance.warm import warm
from lamella.model import Digest
from lamella.server.http.send_file import send_file
from lamella.store.reads import PLAIN_FACTOR, Reads
from tests.http.conftest import serving
from tests.unit.store.layers import layer
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.http.conftest import Client

READS = 2
HELD = layer(files=36)
LAYERS = {"compressed": (compressed(HELD, "go-1.26"), READS), "plain": (HELD, READS * PLAIN_FACTOR)}


@pytest.fixture
def reads() -> Reads:
    return Reads(READS, 3600)


@pytest_asyncio.fixture
async def registry(tmp_path: Path, reads: Reads) -> AsyncIterator[Client]:
    async with serving(tmp_path / "store", reads=reads) as client:
        yield client


async def push_cold(registry: Client, data: bytes) -> Digest:
    digest = await registry.push_blob("a", data)
    outcome = await asyncio.to_thread(registry.store.compactor.compact, digest)
    assert outcome is not None
    assert outcome.kept is None
    return digest


@pytest.mark.parametrize("kind", LAYERS)
async def test_a_layer_that_is_pulled_often_is_sent_by_the_kernel_again(
    registry: Client, reads: Reads, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    data, needed = LAYERS[kind]
    digest = await push_cold(registry, data)
    sent: list[range] = []

    def watched(request: Any, descriptor: int, span: range) -> Any:
        sent.append(span)
        return send_file(request, descriptor, span)

    monkeypatch.setattr("lamella.server.http.blob_response.send_file", watched)
    for pulls in range(needed):
        assert (await asyncio.to_thread(warm, registry.store, reads, Pace(1))).blobs == 0, pulls
        assert (await registry.ask("GET", f"a/blobs/{digest}")).body == data
    assert sent == []
    # A pull is counted after its last byte has left: the client may be told first.
    while (report := await asyncio.to_thread(warm, registry.store, reads, Pace(1))).blobs == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert report.blobs == 1
    assert registry.store.blobs.get_many([digest])[digest].place is Place.FILE
    for span in (range(len(data)), range(1000, 100_000)):
        headers = {"Range": f"bytes={span.start}-{span.stop - 1}"}
        assert (await registry.ask("GET", f"a/blobs/{digest}", headers=headers)).body == data[span.start : span.stop]
    assert sent == [range(len(data)), range(1000, 100_000)]


async def test_what_a_layer_holds_is_pulled_before_and_after(registry: Client, reads: Reads) -> None:
    """Reads of the uncompressed layer take no encoder, and count for nothing."""
    data, needed = LAYERS["compressed"]
    digest = await push_cold(registry, data)
    path = f"a/blobs/{Digest.of(HELD)}"
    for _ in range(2 * PLAIN_FACTOR * needed):
        assert (await registry.ask("GET", path)).body == HELD
    assert await asyncio.to_thread(reads.due) == []
    assert await asyncio.to_thread(registry.store.warmer.warm, digest) == len(data)
    assert (await registry.ask("GET", path)).body == HELD


async def test_asking_whether_it_is_there_is_no_read(registry: Client, reads: Reads) -> None:
    data, needed = LAYERS["compressed"]
    digest = await push_cold(registry, data)
    for _ in range(2 * needed):
        assert (await registry.ask("HEAD", f"a/blobs/{digest}")).status == 200
    assert reads.due() == []
