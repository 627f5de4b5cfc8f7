from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from lamella._core import LayerError
from lamella.client import AsyncClient, Blob, ChunkCache, connection, delta, delta_download, delta_upload
from lamella.client.cut import Cut
from lamella.errors import DigestMismatch
from lamella.model import Digest
from tests.releases import FILE_SIZE, FILES, patched, release
from tests.unit.client.delta_server import DeltaServer
from tests.unit.client.fake_server import FakeServer, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

OLD, NEW = release(0), release(1)
CHANGED = 3 * FILE_SIZE
ALIKE = OLD[: len(OLD) // 2] + patched(OLD)[len(OLD) // 2 :]
"""Half of its chunks are new, but have nearly the same bytes."""


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_DELAY", 0.001)


@pytest.fixture
def fake() -> DeltaServer:
    return DeltaServer()


@pytest.fixture
async def client(fake: DeltaServer, tmp_path: Path) -> AsyncIterator[AsyncClient]:
    async with serving(fake) as address, AsyncClient(address, chunk_cache=ChunkCache(tmp_path / "cache")) as client:
        yield client


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / Digest.of(data).hex
        path.write_bytes(data)
        return path

    return write


async def push(client: AsyncClient, path: Path) -> tuple[int, int]:
    """Push a file and return the bytes sent and saved for it."""
    sent, saved, told = client.traffic.sent, client.traffic.saved, list[int]()
    blob = await Blob.of_file(path)
    await client.upload([blob], told.append)
    assert sum(told) == blob.size
    return client.traffic.sent - sent, client.traffic.saved - saved


async def pull(client: AsyncClient, data: bytes, path: Path) -> tuple[int, int]:
    """Pull a blob and return the bytes received and saved for it."""
    received, saved, told = client.traffic.received, client.traffic.saved, list[int]()
    await client.download(Digest.of(data), len(data), path, told.append)
    assert await Blob.of_file(path) == Blob(Digest.of(data), len(data), path)
    assert sum(told) == len(data)
    return client.traffic.received - received, client.traffic.saved - saved


def test_a_cut_names_the_chunks_of_a_file(file: Callable[[bytes], Path]) -> None:
    cut = Cut(file(NEW))
    assert cut.digest == Digest.of(NEW)
    assert cut.size(range(len(cut.chunks))) >= FILES * FILE_SIZE
    for (digest, offset, size), data in zip(cut.chunks, cut.read(range(len(cut.chunks))), strict=True):
        assert NEW[offset : offset + size] == data
        assert Digest.of(data) == digest


async def test_the_next_release_sends_only_what_is_new(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path]
) -> None:
    fake.know(file(OLD))
    sent, saved = await push(client, file(NEW))
    assert fake.pushed == [Digest.of(NEW)]
    assert 0.8 * CHANGED < sent < 1.2 * CHANGED
    assert len(NEW) - 1.2 * CHANGED < saved <= len(NEW) - CHANGED
    assert fake.blobs[Digest.of(NEW)] == NEW


async def test_what_is_nearly_as_in_the_release_before_costs_nearly_nothing(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path]
) -> None:
    await push(client, file(OLD))
    fake.know(file(OLD))
    sent, saved = await push(client, file(ALIKE))
    assert fake.pushed == [Digest.of(ALIKE)]
    assert fake.ranges
    assert sent < 0.02 * len(ALIKE)
    assert 0.4 * len(ALIKE) < saved < 0.6 * len(ALIKE)
    # The one after that is compressed against what was sent this time.
    sent, _ = await push(client, file(patched(ALIKE, 7000)))
    assert sent < 0.04 * len(ALIKE)
    assert len(fake.pushed) == 2


async def test_without_the_base_chunks_are_sent_as_they_are(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path]
) -> None:
    await push(client, file(OLD))
    fake.know(file(OLD))
    fake.without_base = True
    sent, _ = await push(client, file(ALIKE))
    assert fake.pushed == [Digest.of(ALIKE)]
    assert sent > 0.3 * len(ALIKE)
    assert fake.ranges == []


async def test_what_is_mostly_new_goes_whole(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path]
) -> None:
    sent, saved = await push(client, file(OLD))
    assert (fake.pushed, saved) == ([], 0)
    assert sent > len(OLD)
    assert fake.blobs.keys() == {Digest.of(OLD)}


async def test_a_file_that_is_gone_once_it_was_pushed_is_no_failure(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path]
) -> None:
    blob = await Blob.of_file(file(OLD))
    left = blob.size

    def remove_at_the_end(size: int) -> None:
        nonlocal left
        left -= size
        if not left:
            file(OLD).unlink()

    await client.upload([blob], remove_at_the_end)
    assert fake.blobs.keys() == {blob.digest}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: gzip.compress(data, 1),
        lambda data: data[: delta.SMALLEST - 1],
    ],
    ids=["compressed", "small"],
)
async def test_what_cannot_be_alike_goes_whole(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path], change: Callable[[bytes], bytes]
) -> None:
    data = change(NEW)
    del fake.blobs[fake.know(file(data))]
    assert (await push(client, file(data)))[1] == 0
    assert fake.blobs[Digest.of(data)] == data
    assert fake.pushed == []


async def test_a_chunk_that_is_lost_meanwhile_makes_it_go_whole(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path]
) -> None:
    fake.know(file(OLD))
    fake.loses = True
    assert (await push(client, file(NEW)))[1] == 0
    assert fake.blobs[Digest.of(NEW)] == NEW
    assert fake.pushed == []


async def test_a_recipe_that_is_too_large_goes_whole(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.know(file(OLD))
    monkeypatch.setattr(delta_upload, "MAX_RECIPE", 100)
    assert (await push(client, file(NEW)))[1] == 0
    assert fake.blobs[Digest.of(NEW)] == NEW


async def test_a_file_whose_recipe_would_be_far_too_large_goes_whole(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> Cut:
        raise LayerError(str(path))

    fake.know(file(OLD))
    monkeypatch.setattr(delta_upload, "Cut", refuse)
    assert (await push(client, file(NEW)))[1] == 0
    assert fake.blobs[Digest.of(NEW)] == NEW


async def test_a_base_that_the_cache_has_lost_makes_it_go_whole(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    await push(client, file(OLD))
    fake.know(file(OLD))
    [segment] = (tmp_path / "cache").glob("*.chunks")
    data = segment.read_bytes()
    segment.write_bytes(bytes(len(OLD) - 500_000) + data[len(OLD) - 500_000 :])
    assert (await push(client, file(ALIKE)))[1] == 0
    assert fake.blobs[Digest.of(ALIKE)] == ALIKE


async def test_a_server_without_deltas_is_served_whole(file: Callable[[bytes], Path], tmp_path: Path) -> None:
    cache = ChunkCache(tmp_path / "cache")
    async with serving(FakeServer()) as address, AsyncClient(address, chunk_cache=cache) as client:
        for _ in range(2):
            assert (await push(client, file(NEW)))[1] == 0
            assert (await pull(client, NEW, tmp_path / "out"))[1] == 0
    assert not cache.folder.exists() or not list(cache.folder.iterdir())


async def test_the_next_release_brings_only_what_is_new(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    for data in (OLD, NEW):
        fake.know(file(data))
    assert await pull(client, OLD, tmp_path / "old") >= (len(OLD), 0)
    assert fake.asked == 0
    received, saved = await pull(client, NEW, tmp_path / "new")
    assert 0.8 * CHANGED < received < 1.2 * CHANGED
    assert saved > len(NEW) - 1.2 * CHANGED
    # By now everything of it is here.
    fake.asked = 0
    received, saved = await pull(client, NEW, tmp_path / "again")
    assert (fake.asked, saved) == (0, len(NEW))
    assert received < 20_000


@pytest.mark.parametrize("without", [False, True])
async def test_what_is_nearly_as_in_the_release_before_is_compressed_against_it(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path, *, without: bool
) -> None:
    for data in (OLD, ALIKE):
        fake.know(file(data))
    fake.without_base = without
    await pull(client, OLD, tmp_path / "old")
    received, _ = await pull(client, ALIKE, tmp_path / "new")
    assert (received > 0.3 * len(ALIKE)) is without
    assert bool(fake.ranges) is not without
    assert received < 0.02 * len(ALIKE) or without


async def test_a_connection_that_is_lost_lets_the_rest_come_whole(
    fake: DeltaServer,
    client: AsyncClient,
    file: Callable[[bytes], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delta_download, "WINDOW_SIZE", FILE_SIZE)
    for data in (OLD, ALIKE):
        fake.know(file(data))
    await pull(client, OLD, tmp_path / "old")
    fake.breaks_after = 1
    await pull(client, ALIKE, tmp_path / "new")
    # Its first half is here, and one frame of the rest.
    assert len(ALIKE) // 2 <= fake.offsets[-1] < len(ALIKE)


async def test_chunks_that_the_cache_lost_let_the_rest_come_whole(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    fake.know(file(OLD))
    await pull(client, OLD, tmp_path / "old")
    fake.know(file(NEW))
    [segment] = (tmp_path / "cache").glob("*.chunks")
    data = bytearray(segment.read_bytes())
    data[len(OLD) // 2 : len(OLD) // 2 + 10 * FILE_SIZE] = bytes(10 * FILE_SIZE)
    segment.write_bytes(data)
    await pull(client, NEW, tmp_path / "new")
    # Once the loss is known, the chunks are asked for.
    _, saved = await pull(client, NEW, tmp_path / "again")
    assert saved > 0


async def test_a_chunk_with_other_bytes_is_an_error(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    for data in (OLD, NEW):
        fake.know(file(data))
    await pull(client, OLD, tmp_path / "old")
    fake.spoils = True
    with pytest.raises(DigestMismatch):
        await client.download(Digest.of(NEW), len(NEW), tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("fault", ["recipe of another blob", "damaged recipe", "wrong count"])
async def test_an_answer_that_is_wrong_lets_the_blob_come_whole(
    fake: DeltaServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path, fault: str
) -> None:
    for data in (OLD, NEW):
        fake.know(file(data))
    await pull(client, OLD, tmp_path / "old")
    recipe = fake.recipes[Digest.of(NEW)]
    if fault == "wrong count":
        fake.counts_wrong = True
    elif fault == "damaged recipe":
        fake.recipes[Digest.of(NEW)] = recipe[:-1] + bytes([recipe[-1] ^ 1])
    else:
        fake.recipes[Digest.of(NEW)] = fake.recipes[Digest.of(OLD)]
    assert (await pull(client, NEW, tmp_path / "new"))[1] == 0


async def test_a_cache_that_cannot_be_written_is_no_failure(
    fake: DeltaServer, file: Callable[[bytes], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake.know(file(NEW))
    (tmp_path / "file").touch()
    cache = ChunkCache(tmp_path / "file" / "cache")
    async with serving(fake) as address, AsyncClient(address, chunk_cache=cache) as client:
        await pull(client, NEW, tmp_path / "new")
        await push(client, file(OLD))
    assert "not kept" in caplog.text
