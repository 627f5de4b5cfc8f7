from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

import pytest

from lamella.client import AsyncClient, Blob, Client, Missing, Refused, ServerUnreachable, connection
from lamella.errors import DigestMismatch, LimitExceeded
from lamella.model import EMPTY, Digest
from tests.unit.client.fake_server import FakeServer, serving

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_DELAY", 0.001)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def content() -> bytes:
    return os.urandom(5 * MIB + 77)


async def test_a_large_file_goes_up_and_comes_back_the_same(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "source").write_bytes(content)
    told: list[int] = []
    async with serving(FakeServer()) as address, AsyncClient(address, builder="ci-1") as client:
        blob = await Blob.of_file(tmp_path / "source")
        assert await client.upload([blob], told.append) == {blob.digest}
        assert sum(told) == blob.size
        assert await client.upload([blob]) == set()
        target = tmp_path / "target"
        target.write_bytes(b"what was there before")
        await client.download(blob.digest, blob.size, target)
        assert target.read_bytes() == content
        assert client.traffic.sent > blob.size
        assert client.traffic.received > blob.size
    assert names(tmp_path) == ["source", "target"]


async def test_the_builder_names_itself(content: bytes) -> None:
    fake = FakeServer()
    async with serving(fake) as address, AsyncClient(address, builder="ci-1") as client:
        await client.missing([(Digest.of(content), len(content))])
    assert ("lamella-builder", "ci-1") in fake.metadata


async def test_a_broken_upload_goes_on_where_it_broke_off(content: bytes) -> None:
    fake = FakeServer(failures=3, break_after=MIB)
    blob = Blob.of_bytes(content)
    async with serving(fake) as address, AsyncClient(address) as client:
        await client.upload([blob])
    assert fake.blobs[blob.digest] == content
    assert fake.offsets == [0, MIB, 2 * MIB, 3 * MIB]


async def test_an_upload_that_never_gets_anywhere_is_given_up(content: bytes) -> None:
    fake = FakeServer()
    async with serving(fake) as address, AsyncClient(address) as client:
        fake.failures = 100
        with pytest.raises(ServerUnreachable, match="lamella serve"):
            await client.missing([(EMPTY, 0)])
    assert fake.failures == 100 - connection.RETRIES - 1


async def test_a_broken_download_goes_on_where_it_broke_off(tmp_path: Path, content: bytes) -> None:
    fake = FakeServer(blobs={Digest.of(content): content}, failures=2, break_after=600_000)
    async with serving(fake) as address, AsyncClient(address) as client:
        await client.download(Digest.of(content), len(content), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == content
    assert fake.offsets == [0, 600_000, 1_200_000]


async def test_wrong_bytes_never_become_a_file(tmp_path: Path, content: bytes) -> None:
    fake = FakeServer(blobs={Digest.of(content): content}, corrupt=True)
    async with serving(fake) as address, AsyncClient(address) as client:
        with pytest.raises(DigestMismatch, match=Digest.of(content).hex):
            await client.download(Digest.of(content), len(content), tmp_path / "file")
    assert names(tmp_path) == []


async def test_a_missing_blob_is_named(tmp_path: Path) -> None:
    digest = Digest.of(b"nowhere")
    async with serving(FakeServer()) as address, AsyncClient(address) as client:
        with pytest.raises(Missing, match=digest.hex):
            await client.download(digest, 7, tmp_path / "file")
    assert names(tmp_path) == []


async def test_small_blobs_share_messages() -> None:
    fake = FakeServer()
    blobs = [Blob.of_bytes(b"%d" % number) for number in range(500)]
    async with serving(fake) as address, AsyncClient(address) as client:
        await client.upload(blobs)
    assert fake.batches == [500]
    assert set(fake.blobs) == {blob.digest for blob in blobs}


async def test_a_file_that_changes_after_it_was_hashed_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    fake = FakeServer()
    async with serving(fake) as address, AsyncClient(address) as client:
        blob = await Blob.of_file(path)
        path.write_bytes(content[: 2 * MIB])
        with pytest.raises(Refused, match="another digest"):
            await client.upload([blob])
    assert fake.blobs == {}


async def test_the_empty_blob_travels() -> None:
    fake = FakeServer()
    async with serving(fake) as address, AsyncClient(address) as client:
        await client.upload([Blob.of_bytes(b"")])
        assert await client.read(EMPTY, 0, 10) == b""


async def test_a_blob_larger_than_allowed_is_not_read() -> None:
    async with AsyncClient("127.0.0.1:1") as client:
        with pytest.raises(LimitExceeded):
            await client.read(EMPTY, 11, 10)


async def test_the_synchronous_client_makes_the_same_calls(content: bytes) -> None:
    def use(address: str) -> bytes:
        with Client(address, builder="thread") as client:
            client.upload([Blob.of_bytes(content)])
            return client.read(Digest.of(content), len(content), 10 * MIB)

    async with serving(FakeServer()) as address:
        assert await asyncio.to_thread(use, address) == content


def test_nobody_at_the_address_says_how_to_start_a_server() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but it does not listen
        with (
            Client(f"127.0.0.1:{unused.getsockname()[1]}") as client,
            pytest.raises(ServerUnreachable, match="lamella serve"),
        ):
            client.is_serving()
