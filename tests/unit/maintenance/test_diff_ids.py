"""Compressed layers of manifests are looked into in the background."""

from __future__ import annotations

import asyncio
import gzip
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from lamella.errors import NotFound
from lamella.maintenance import diff_ids
from lamella.maintenance.diff_ids import DiffIdFinder
from lamella.model import MEDIA_TYPE_LAYER_GZIP, MEDIA_TYPE_LAYER_ZSTD, Descriptor, Digest
from lamella.store.examiner import Examiner
from lamella.wire.zstd import zstd
from tests.suites.blob_store import put

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

    from tests.unit.maintenance.farm import Farm


def tar(number: int) -> bytes:
    """Return what is as good as a tar."""
    return bytes([number]) * 10_240


def descriptor(data: bytes, media_type: str = MEDIA_TYPE_LAYER_GZIP) -> Descriptor:
    return Descriptor(Digest.of(data), len(data), media_type)


@asynccontextmanager
async def running(farm: Farm) -> AsyncIterator[DiffIdFinder]:
    finder = DiffIdFinder(farm.store, 1.0)
    task = asyncio.create_task(finder.run())
    try:
        yield finder
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def there(farm: Farm, *digests: Digest) -> None:
    """Wait until blobs are there."""
    async with asyncio.timeout(30):
        while not all(await farm.has(*digests)):  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.01)


async def settled(finder: DiffIdFinder) -> None:
    """Wait until nothing waits, and what was looked into last is done."""
    async with asyncio.timeout(30):
        while finder._waiting or finder._wake.is_set():  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.01)


async def test_what_was_pushed_before_the_start_is_found(farm: Farm) -> None:
    zipped, frame = await put(farm.store, gzip.compress(tar(1))), await put(farm.store, zstd.compress(tar(2)))
    await farm.image("app:one", zipped, layer_type=MEDIA_TYPE_LAYER_GZIP)
    await farm.image("app:two", frame, layer_type=MEDIA_TYPE_LAYER_ZSTD)
    await farm.image("app", await put(farm.store, tar(3)))
    farm.now += 5000
    before = farm.store.blobs.page(None, 100)
    async with running(farm):
        await there(farm, Digest.of(tar(1)), Digest.of(tar(2)))
    new = {Digest.of(tar(1)): zipped, Digest.of(tar(2)): frame}
    records = farm.store.blobs.page(None, 100)
    assert {record.digest: record.source for record in records if record.source} == new
    assert [record for record in records if not record.source] == before


async def test_what_a_manifest_names_that_was_accepted_is_found(farm: Farm) -> None:
    data, other = gzip.compress(tar(1)), gzip.compress(tar(2))
    async with running(farm) as finder:
        await settled(finder)
        await put(farm.store, data)
        await put(farm.store, other)
        finder.notice([descriptor(other, "application/octet-stream"), descriptor(data)])
        await there(farm, Digest.of(tar(1)))
    assert await farm.has(Digest.of(tar(2))) == [False]


async def test_what_is_damaged_gone_or_no_layer_does_not_stop_the_others(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, gone, data = gzip.compress(tar(1))[:-3], gzip.compress(tar(2)), gzip.compress(tar(3))
    await put(farm.store, broken)
    await put(farm.store, data)

    def fail_once(self: Examiner, digest: Digest, pause: Callable[[int], None]) -> bool:
        monkeypatch.undo()
        raise NotFound(digest)

    monkeypatch.setattr(Examiner, "examine", fail_once)
    async with running(farm) as finder:
        finder.notice([descriptor(data), descriptor(gone), descriptor(broken)])
        await settled(finder)
        finder.notice([descriptor(data)])
        await there(farm, Digest.of(tar(3)))


async def test_a_store_that_takes_no_writes_is_not_looked_into(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could not remember what it finds, and would find it again and again."""
    examined: list[Digest] = []

    def examine(self: Examiner, digest: Digest, pause: Callable[[int], None]) -> bool:
        examined.append(digest)
        return False

    monkeypatch.setattr(Examiner, "examine", examine)
    data = gzip.compress(tar(1))
    await put(farm.store, data)
    farm.store.index.health.fail("a test")
    async with running(farm) as finder:
        finder.notice([descriptor(data)])
        await settled(finder)
    assert examined == []


async def test_no_more_wait_than_may_and_a_search_finds_the_rest(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff_ids, "MOST_WAITING", 3)
    monkeypatch.setattr(diff_ids, "AGAIN_SECONDS", 0.0)
    layers = [gzip.compress(tar(number)) for number in range(1, 12)]  # once: each has the second that it was made in
    for number, data in enumerate(layers):
        digest = await put(farm.store, data)
        await farm.image(f"app{number}:one", digest, layer_type=MEDIA_TYPE_LAYER_GZIP)
    finder = DiffIdFinder(farm.store, 1.0)
    finder.notice([descriptor(data) for data in layers])
    assert len(finder._waiting) == 3
    async with running(farm):
        await there(farm, *(Digest.of(tar(number)) for number in range(1, 12)))


async def test_the_end_of_the_server_does_not_wait_for_a_large_layer(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()

    def endless(self: Examiner, digest: Digest, pause: Callable[[int], None]) -> bool:
        while True:
            began.set()
            pause(1)

    monkeypatch.setattr(Examiner, "examine", endless)
    data = gzip.compress(tar(1))
    await put(farm.store, data)
    async with running(farm) as finder:
        finder.notice([descriptor(data)])
        assert await asyncio.to_thread(began.wait, 30)
    assert await farm.has(Digest.of(tar(1))) == [False]
