from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from lamella.index import Place
from lamella.maintenance.compact import CompactReport, compact
from lamella.maintenance.pace import Pace, Stopped
from lamella.store import BUFFER_SIZE, LocalStore
from tests.suites.blob_store import content, get, put
from tests.unit.store.layers import flip, layer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    async with LocalStore(tmp_path / "store") as store:
        yield store


async def test_what_nobody_used_for_a_while_turns_cold(store: LocalStore) -> None:
    layers = {await put(store, layer(release)): layer(release) for release in range(3)}
    others = {await put(store, data): data for data in (b"small", content(50_000), content(BUFFER_SIZE))}
    assert compact(store, 3600, Pace(1)) == CompactReport()
    sizes: list[int] = []
    report = compact(store, 0, Pace(1), lambda _, size: sizes.append(size))
    assert (report.blobs, report.kept, report.failed) == (3, 1, 0)
    assert report.bytes == sum(map(len, layers.values()))
    assert 0 < report.stored < report.bytes / 2
    assert report.saved == report.bytes - report.stored
    assert sum(sizes) == report.bytes + BUFFER_SIZE
    for digest, data in {**layers, **others}.items():
        assert await get(store, digest) == data
    assert {store.blobs.get_many(layers)[digest].place for digest in layers} == {Place.RECIPE}
    assert compact(store, 0, Pace(1)) == CompactReport()


async def test_the_log_says_how_far_it_is_and_what_that_saved(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    compact(store, 0, Pace(1))
    assert caplog.messages == []
    layers = [await put(store, layer(release)) for release in range(2)]
    monkeypatch.setattr("lamella.maintenance.compact.TELL", 0.0)
    report = compact(store, 0, Pace(1))
    rest = store.blobs.get_many(layers)[max(layers)].size
    first, second, last = caplog.text.splitlines()
    assert " compacting: 1 blobs with " in first
    assert first.endswith(f"; 1 with {rest} bytes wait")
    assert second.endswith("; 0 with 0 bytes wait")
    assert f"2 blobs with {report.bytes} bytes are cold now and take {report.stored}: {report.saved} saved" in last


async def test_the_log_says_what_was_done_before_it_stops(store: LocalStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for release in range(2):
        await put(store, layer(release))
    pace = Pace(1)
    with pytest.raises(Stopped):
        compact(store, 0, pace, lambda *_: pace.stop())
    [message] = caplog.messages
    assert message.startswith("compacting: 1 blobs with ")


async def test_a_damaged_blob_does_not_keep_the_others_hot(store: LocalStore, tmp_path: Path) -> None:
    digests = [await put(store, layer(release)) for release in range(3)]
    bad = sorted(digests)[1]
    flip(tmp_path / "store" / "blobs" / "sha256" / bad.hex[:2] / bad.hex, 1000)
    report = compact(store, 0, Pace(1))
    assert (report.blobs, report.failed) == (2, 1)
    assert await store.missing(digests) == {bad}


async def test_compacting_stops_when_it_is_told_to(store: LocalStore) -> None:
    digest = await put(store, layer())
    pace = Pace(1)
    pace.stop()
    with pytest.raises(Stopped):
        compact(store, 0, pace)
    assert await get(store, digest) == layer()
