"""Looking into compressed layers, and reading what they hold, beside the same tar in a file of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.unit.store.test_gzip_cold import compressed

from benches.test_cold import ROUNDS, layer, loop, put, read, store
from lamella.model import Digest
from lamella.wire.zstd import zstd

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from lamella.store import LocalStore

__all__ = ["layer", "loop", "store"]

FORMS = ["gzip", "cold_gzip", "zstd", "peer_file"]


@pytest.fixture(scope="module")
def forms(layer: bytes) -> dict[str, bytes]:
    gzip = compressed(layer, "go-1.26")
    return {"gzip": gzip, "cold_gzip": gzip, "zstd": zstd.compress(layer), "peer_file": layer}


@pytest.mark.parametrize("form", FORMS)
def test_read(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    store: LocalStore,
    layer: bytes,
    forms: dict[str, bytes],
    form: str,
) -> None:
    source = loop.run_until_complete(put(store, forms[form]))
    if form == "cold_gzip":
        store.compactor.compact(source)
    store.examiner.examine(source)
    digest = Digest.of(layer)
    _measure(benchmark, len(layer), lambda: loop.run_until_complete(read(store, digest)))


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_look_into(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    store: LocalStore,
    layer: bytes,
    forms: dict[str, bytes],
    form: str,
) -> None:
    def look() -> int:
        # Anew each time: what a blob holds is forgotten with it.
        loop.run_until_complete(store.delete(source))
        loop.run_until_complete(put(store, forms[form]))
        begun = time.perf_counter()
        store.examiner.examine(source)
        seconds.append(time.perf_counter() - begun)
        return len(layer)

    seconds: list[float] = []
    source = loop.run_until_complete(put(store, forms[form]))
    _measure(benchmark, len(layer), look)
    benchmark.extra_info["MB/s of looking alone"] = round(len(layer) / sorted(seconds)[len(seconds) // 2] / 1e6)


def _measure(benchmark: BenchmarkFixture, size: int, work: Callable[[], int]) -> None:
    """Run rounds of ``work``, which returns ``size``; ``MB/s of processor`` counts the time of all threads."""
    begun = time.process_time()
    assert benchmark.pedantic(work, rounds=ROUNDS) == size
    spent = (time.process_time() - begun) / ROUNDS
    benchmark.extra_info["MB"] = round(size / 1e6)
    benchmark.extra_info["MB/s of processor"] = round(size / spent / 1e6)
