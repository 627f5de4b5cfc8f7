from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from lamella.client import AsyncClient, Blob, ChunkCache, connection, delta_upload, pieces
from lamella.client.pieces import Piece, batches, cut_file
from lamella.errors import DigestMismatch
from lamella.model import Digest
from lamella.wire.blob import BlobName
from tests.releases import FILE_SIZE, FILES, release
from tests.unit.client.chunk_server import ChunkServer
from tests.unit.client.fake_server import FakeServer, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

OLD, NEW = release(0), release(1)
CHANGED = 3 * FILE_SIZE


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_DELAY", 0.001)


@pytest.fixture
def fake() -> ChunkServer:
    return ChunkServer()


@pytest.fixture
async def client(fake: ChunkServer, tmp_path: Path) -> AsyncIterator[AsyncClient]:
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


def know_chunks(fake: ChunkServer, path: Path) -> list[Piece]:
    """Have the server know a file's chunks as if it had been spliced."""
    digest, cut = cut_file(path)
    data = path.read_bytes()
    for piece in cut:
        fake.blobs[piece.digest] = data[piece.offset : piece.offset + piece.size]
    fake.blobs[digest] = data
    fake.lists[digest] = [BlobName(piece.digest, piece.size).message for piece in cut]
    return cut


def test_pieces_make_the_file(file: Callable[[bytes], Path]) -> None:
    digest, cut = cut_file(file(NEW))
    assert digest == Digest.of(NEW)
    assert b"".join(NEW[piece.offset : piece.offset + piece.size] for piece in cut) == NEW
    assert all(piece.digest == Digest.of(NEW[piece.offset : piece.offset + piece.size]) for piece in cut)
    assert sum(piece.size for piece in cut if not piece.literal) >= FILES * FILE_SIZE
    assert any(piece.literal for piece in cut)


def test_batches_hold_each_digest_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "BATCH_SIZE", 10)
    monkeypatch.setattr(pieces, "BATCH_PIECES", 3)
    sizes = [4, 4, 4, 9, 1, 1, 1, 10, 1]
    cut = [Piece(Digest.of(bytes([place])), 0, size) for place, size in enumerate(sizes)]
    grouped = list(batches([*cut, *cut]))
    assert [piece for batch in grouped for piece in batch] == cut
    assert [[piece.size for piece in batch] for batch in grouped] == [[4, 4], [4], [9, 1], [1, 1], [10], [1]]


async def test_the_next_release_sends_only_what_is_new(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path]
) -> None:
    know_chunks(fake, file(OLD))
    sent, saved = await push(client, file(NEW))
    assert fake.spliced == [Digest.of(NEW)]
    assert 0.8 * CHANGED < sent < 1.4 * CHANGED
    assert len(NEW) - 1.2 * CHANGED < saved <= len(NEW) - CHANGED
    assert fake.blobs[Digest.of(NEW)] == NEW


async def test_what_is_mostly_new_goes_whole(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path]
) -> None:
    sent, saved = await push(client, file(OLD))
    assert (fake.spliced, saved) == ([], 0)
    assert sent > len(OLD)
    assert fake.blobs.keys() == {Digest.of(OLD)}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: gzip.compress(data, 1),
        lambda data: data[: pieces.SMALLEST - 1],
    ],
    ids=["compressed", "small"],
)
async def test_what_cannot_be_alike_goes_whole(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path], change: Callable[[bytes], bytes]
) -> None:
    data = change(NEW)
    know_chunks(fake, file(data))
    del fake.blobs[Digest.of(data)]
    assert (await push(client, file(data)))[1] == 0
    assert fake.blobs[Digest.of(data)] == data
    assert fake.spliced == []


async def test_a_chunk_that_is_lost_meanwhile_makes_it_go_whole(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path]
) -> None:
    fake.losing = {piece.digest for piece in know_chunks(fake, file(OLD))[-9:]}
    assert (await push(client, file(NEW)))[1] == 0
    assert fake.blobs[Digest.of(NEW)] == NEW
    assert fake.spliced == []


async def test_more_pieces_than_a_message_holds_go_whole(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    know_chunks(fake, file(OLD))
    monkeypatch.setattr(delta_upload, "MOST_PIECES", 20)
    assert (await push(client, file(NEW)))[1] == 0


@pytest.mark.parametrize("old", [FakeServer(), ChunkServer(splits=False, splices=False)], ids=["none", "without"])
async def test_a_server_without_chunks_is_served_whole(
    old: FakeServer, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    cache = ChunkCache(tmp_path / "cache")
    async with serving(old) as address, AsyncClient(address, chunk_cache=cache) as client:
        for _ in range(2):
            assert (await push(client, file(NEW)))[1] == 0
            assert (await pull(client, NEW, tmp_path / "out"))[1] == 0


async def test_the_next_release_brings_only_what_is_new(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    for data in (OLD, NEW):
        know_chunks(fake, file(data))
    assert await pull(client, OLD, tmp_path / "old") >= (len(OLD), 0)
    assert fake.asked == []
    received, saved = await pull(client, NEW, tmp_path / "new")
    assert 0.8 * CHANGED < received < 1.4 * CHANGED
    assert saved > len(NEW) - 1.2 * CHANGED
    # By now everything of it is here.
    fake.asked.clear()
    received, saved = await pull(client, NEW, tmp_path / "again")
    assert (fake.asked, saved) == ([], len(NEW))
    assert received < 20_000


async def test_a_chunk_that_is_lost_lets_the_rest_come_whole(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    know_chunks(fake, file(OLD))
    await pull(client, OLD, tmp_path / "old")
    fake.losing = {know_chunks(fake, file(NEW))[5].digest}
    await pull(client, NEW, tmp_path / "new")
    assert Digest.of(NEW) not in fake.asked


async def test_chunks_that_the_cache_lost_are_fetched(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    know_chunks(fake, file(OLD))
    await pull(client, OLD, tmp_path / "old")
    know_chunks(fake, file(NEW))
    [segment] = (tmp_path / "cache").iterdir()
    data = bytearray(segment.read_bytes())
    data[len(OLD) // 2 : len(OLD) // 2 + 10 * FILE_SIZE] = bytes(10 * FILE_SIZE)
    segment.write_bytes(data)
    _, saved = await pull(client, NEW, tmp_path / "new")
    assert len(NEW) - 20 * FILE_SIZE < saved < len(NEW) - CHANGED - 9 * FILE_SIZE


async def test_a_chunk_with_other_bytes_is_an_error(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    know_chunks(fake, file(OLD))
    await pull(client, OLD, tmp_path / "old")
    cut = know_chunks(fake, file(NEW))
    fake.spoiled = {piece.digest for piece in cut}
    with pytest.raises(DigestMismatch):
        await client.download(Digest.of(NEW), len(NEW), tmp_path / "new")
    assert not (tmp_path / "new").exists()


async def test_a_list_of_another_blob_is_an_error(
    fake: ChunkServer, client: AsyncClient, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    know_chunks(fake, file(OLD))
    await pull(client, OLD, tmp_path / "old")
    know_chunks(fake, file(NEW))
    fake.lists[Digest.of(NEW)] = fake.lists[Digest.of(OLD)]
    with pytest.raises(DigestMismatch):
        await client.download(Digest.of(NEW), len(NEW), tmp_path / "new")
    assert not (tmp_path / "new").exists()


async def test_a_cache_that_cannot_be_written_is_no_failure(
    fake: ChunkServer, file: Callable[[bytes], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    know_chunks(fake, file(NEW))
    (tmp_path / "file").touch()
    cache = ChunkCache(tmp_path / "file" / "cache")
    async with serving(fake) as address, AsyncClient(address, chunk_cache=cache) as client:
        await pull(client, NEW, tmp_path / "new")
    assert "not kept" in caplog.text
