"""Turning a layer cold, and reading it back, beside the same layer in a file of its own."""

from __future__ import annotations

import asyncio
import sysconfig
import tarfile
import time
from contextlib import aclosing, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lamella.store import BUFFER_SIZE, LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from lamella.model import Digest

ROUNDS = 5
OTHERS = {"site-packages", "__pycache__", "test"}
"""Folders of the standard library that depend on what else is installed, or are no use."""


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Real files: the standard library of this Python."""
    path = tmp_path_factory.mktemp("layer") / "layer.tar"
    library = Path(sysconfig.get_path("stdlib"))
    with tarfile.open(path, "w") as tar:
        for file in sorted(library.rglob("*")):
            if file.is_file() and OTHERS.isdisjoint(file.relative_to(library).parts):
                tar.add(file, str(file.relative_to(library)))
    return path.read_bytes()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with closing(asyncio.new_event_loop()) as loop:
        yield loop


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with closing(LocalStore(tmp_path / "store")) as store:
        yield store


async def put(store: LocalStore, data: bytes) -> Digest:
    async with store.writer() as writer:
        for start in range(0, len(data), BUFFER_SIZE):
            await writer.write(data[start : start + BUFFER_SIZE])
        return await writer.commit()


async def read(store: LocalStore, digest: Digest) -> int:
    async with aclosing(store.open(digest)) as buffers:
        return sum([len(memoryview(buffer)) async for buffer in buffers])


def report(benchmark: BenchmarkFixture, what: str, size: int, seconds: float) -> None:
    """Print the bytes that one core does in a second; ``seconds`` of a processor are those of all threads."""
    rate = round(size / seconds / 1e6)
    benchmark.extra_info["MB/s of processor"] = rate
    print(f"\n{what}: {rate} MB/s of processor")


@pytest.mark.parametrize("cold", [True, False], ids=["cold", "peer_file"])
def test_read(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, store: LocalStore, layer: bytes, cold: bool
) -> None:
    digest = loop.run_until_complete(put(store, layer))
    if cold:
        outcome = store.compactor.compact(digest)
        assert outcome is not None
        benchmark.extra_info["stored"] = f"{outcome.stored / outcome.size:.3f}"
    begun = time.process_time()
    assert benchmark.pedantic(lambda: loop.run_until_complete(read(store, digest)), rounds=ROUNDS) == len(layer)
    report(benchmark, "read, cold" if cold else "read, a file", ROUNDS * len(layer), time.process_time() - begun)


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_compact(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, store: LocalStore, layer: bytes, known: bool
) -> None:
    """A layer of which the store has no chunk, or every one; the whole copy goes after it was rebuilt and compared."""
    if known:
        store.compactor.compact(loop.run_until_complete(put(store, layer + b"another")))
    spent: list[float] = []

    def compact(digest: Digest) -> None:
        begun = time.process_time()
        outcome = store.compactor.compact(digest)
        spent.append(time.process_time() - begun)
        assert outcome is not None
        assert outcome.kept is None

    def setup() -> tuple[tuple[Digest], dict[str, object]]:
        if not known:
            for record in store.blobs.page(None, 1_000_000):
                loop.run_until_complete(store.delete(record.digest))
        return (loop.run_until_complete(put(store, layer + b"%d" % len(spent))),), {}

    benchmark.pedantic(compact, setup=setup, rounds=3)
    report(benchmark, f"compact, chunks {'known' if known else 'new'}", len(layer) * len(spent), sum(spent))
