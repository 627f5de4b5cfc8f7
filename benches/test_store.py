"""The local store: durable commits, alone and together, and streaming, beside bare files written as durably."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from lamella._core import sync_directory
from lamella.index import INLINE_MAX
from lamella.store import BUFFER_SIZE, LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from lamella.model import Digest

ROUNDS = 5
COMMITS = 256
STREAM = 256 * BUFFER_SIZE

_serial = itertools.count()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    store = LocalStore(tmp_path / "store")
    yield store
    store.close()


def distinct(size: int) -> bytes:
    return next(_serial).to_bytes(8, "big") + bytes(size - 8)


async def put(store: LocalStore, *buffers: bytes) -> Digest:
    async with store.writer() as writer:
        for buffer in buffers:
            await writer.write(buffer)
        return await writer.commit()


@pytest.mark.parametrize("size", [1000, INLINE_MAX, 16_384])
@pytest.mark.parametrize("writers", [1, 64])
def test_commits(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, store: LocalStore, size: int, writers: int
) -> None:
    """Each commit is durable before its writer goes on; the figure is for ``COMMITS`` of them."""

    async def writer() -> None:
        for _ in range(COMMITS // writers):
            await put(store, distinct(size))

    async def write() -> None:
        await asyncio.gather(*(writer() for _ in range(writers)))

    benchmark.pedantic(lambda: loop.run_until_complete(write()), rounds=ROUNDS, warmup_rounds=1)


@pytest.mark.parametrize("size", [16_384])
def test_commits_peer_bare_files(benchmark: BenchmarkFixture, tmp_path: Path, size: int) -> None:
    """What one writer does without any store: write, fsync, rename, fsync of the folder."""

    def write() -> None:
        for _ in range(COMMITS):
            data = distinct(size)
            name = hashlib.sha256(data).hexdigest()
            draft = tmp_path / f"{name}.tmp"
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(tmp_path / name)
            sync_directory(tmp_path)

    benchmark.pedantic(write, rounds=ROUNDS, warmup_rounds=1)


def test_upload(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, store: LocalStore) -> None:
    """``STREAM`` bytes received, hashed, written and made durable."""
    block = os.urandom(BUFFER_SIZE)

    def write() -> None:
        loop.run_until_complete(put(store, distinct(BUFFER_SIZE), *[block] * (STREAM // BUFFER_SIZE - 1)))

    benchmark.pedantic(write, rounds=ROUNDS)


def test_upload_peer_hashed_file(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    block = os.urandom(BUFFER_SIZE)

    def write() -> None:
        sha256 = hashlib.sha256()
        path = tmp_path / f"{next(_serial)}"
        with path.open("wb", buffering=0) as file:
            for _ in range(STREAM // BUFFER_SIZE):
                sha256.update(block)
                file.write(block)
            os.fsync(file.fileno())
        path.unlink()

    benchmark.pedantic(write, rounds=ROUNDS)


def test_download(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, store: LocalStore) -> None:
    block = os.urandom(BUFFER_SIZE)
    digest = loop.run_until_complete(put(store, *[block] * (STREAM // BUFFER_SIZE)))

    async def read() -> int:
        async with aclosing(store.open(digest)) as buffers:
            return sum([len(memoryview(buffer)) async for buffer in buffers])

    assert benchmark.pedantic(lambda: loop.run_until_complete(read()), rounds=ROUNDS) == STREAM


@pytest.mark.parametrize("digests", [1, 1000])
def test_missing(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, store: LocalStore, digests: int) -> None:
    async def fill() -> list[Digest]:
        return await asyncio.gather(*(put(store, distinct(100)) for _ in range(digests)))

    present = loop.run_until_complete(fill())
    assert benchmark(lambda: loop.run_until_complete(store.missing(present))) == set()
