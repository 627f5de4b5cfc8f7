from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from lamella.index import ScrubTable
from lamella.maintenance.casualties import Casualty, find_casualties
from lamella.maintenance.pace import Pace, Stopped
from lamella.maintenance.scrub import Phase
from lamella.maintenance.scrub_cycle import ScrubCycle
from tests.suites.blob_store import content, put
from tests.unit.maintenance.farm import DAY, Farm, read_action
from tests.unit.store.layers import flip

if TYPE_CHECKING:
    from collections.abc import Collection

    from lamella.model import Digest
    from lamella.store import LocalStore

SIZE = 1_000_000
BLOBS = 40


async def casualties(store: LocalStore, lost: Collection[Digest]) -> list[Casualty]:
    return await find_casualties(store, lost, read_action)


def cycle(farm: Farm, days: float = 10) -> ScrubCycle:
    return ScrubCycle(farm.store, days, casualties)


async def fill(farm: Farm) -> list[Digest]:
    return [await put(farm.store, content(SIZE - number)) for number in range(BLOBS)]


async def run(farm: Farm, hours: float) -> None:
    """Let an hour after the other pass."""
    for _ in range(int(hours)):
        farm.now += 3600
        await asyncio.to_thread(cycle(farm).run, Pace(1))


async def test_a_cycle_takes_as_many_days_as_it_is_told(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    await fill(farm)
    caplog.set_level(logging.INFO)
    begun = farm.now + 3600
    await run(farm, 24 * 8)
    table = ScrubTable(farm.store.index)
    state = table.get()
    assert state is not None
    assert (state.started, state.finished) == (int(begun), 0)
    assert state.after
    await run(farm, 24 * 3)
    state = table.get()
    assert state is not None
    assert begun + 8 * DAY < state.finished == state.started <= farm.now
    assert "all was scrubbed" in caplog.text


async def test_a_restart_goes_on_where_it_was(farm: Farm) -> None:
    digests = sorted(await fill(farm))
    await run(farm, 24 * 5)
    state = ScrubTable(farm.store.index).get()
    assert state is not None
    assert digests[BLOBS // 4].raw < state.after < digests[-1].raw
    farm.store.close()
    farm.open()
    # What it has passed is not looked at again, what is ahead of it is.
    for digest in (digests[0], digests[-1]):
        flip(farm.folder / "blobs" / "sha256" / digest.hex[:2] / digest.hex, 7)
    await run(farm, 24 * 5)
    assert await farm.has(digests[0], digests[-1]) == [True, False]


async def test_a_server_that_was_off_does_not_read_all_at_once(farm: Farm) -> None:
    await fill(farm)
    await run(farm, 2)
    farm.now += 300 * DAY
    await asyncio.to_thread(cycle(farm).run, Pace(1))
    state = ScrubTable(farm.store.index).get()
    assert state is not None
    assert state.phase == Phase.BLOBS
    assert state.after


async def test_a_clock_that_is_set_back_makes_nothing_due(farm: Farm) -> None:
    await fill(farm)
    await run(farm, 2)
    before = ScrubTable(farm.store.index).get()
    farm.now -= 300 * DAY
    await asyncio.to_thread(cycle(farm).run, Pace(1))
    assert ScrubTable(farm.store.index).get() == before


async def test_an_empty_store_is_no_work(farm: Farm) -> None:
    await run(farm, 3)
    state = ScrubTable(farm.store.index).get()
    assert state is not None
    assert (state.phase, state.after, state.finished) == (Phase.BLOBS, b"", 0)


async def test_what_was_found_is_logged_and_counted(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    digest = await farm.blob(50_000)
    key = await farm.step("step", digest)
    flip(farm.folder / "blobs" / "sha256" / digest.hex[:2] / digest.hex, 7)
    await run(farm, 2)
    assert f"step {key} in default/app@main is a miss: it needs {digest}" in caplog.text
    await run(farm, 24 * 11)
    assert farm.store.quarantined == 1
    assert farm.store.read_only is None


class StoppedPace(Pace):
    """Is stopped at its twelfth pause."""

    pauses = 0

    def pause(self, size: int = 0) -> None:
        self.pauses += 1
        if self.pauses == 12:
            self.stop()
        super().pause(size)


async def test_one_that_is_stopped_keeps_what_it_has_done(farm: Farm) -> None:
    digests = sorted(await fill(farm))
    await run(farm, 1)
    farm.now += 3600
    with pytest.raises(Stopped):
        await asyncio.to_thread(cycle(farm, days=0.05).run, StoppedPace(1))
    state = ScrubTable(farm.store.index).get()
    assert state is not None
    assert digests[0].raw < state.after < digests[11].raw
    assert state.at == farm.now
    assert state.credit > 0
