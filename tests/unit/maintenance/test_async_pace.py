from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from lamella.maintenance.async_pace import AsyncPace
from lamella.maintenance.pace import LONGEST_SLEEP
from lamella.maintenance.policy import Policy

if TYPE_CHECKING:
    from tests.unit.maintenance.farm import Farm

IDLE = 3600.0


class Sleeper:
    """A clock that only working and sleeping move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.slept = 0.0
        self._really_sleep = asyncio.sleep
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    def __call__(self) -> float:
        return self.now

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds
        await self._really_sleep(0)


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch) -> Sleeper:
    return Sleeper(monkeypatch)


@pytest.mark.parametrize(("share", "slept"), [(1.0, 0.0), (0.5, 1.0), (0.25, 3.0)])
async def test_work_takes_its_share_of_the_time(sleeper: Sleeper, share: float, slept: float) -> None:
    pace = AsyncPace(share, clock=sleeper)
    for _ in range(10):
        sleeper.now += 0.1
        await pace.pause()
    assert sleeper.slept == pytest.approx(slept)


async def test_the_time_before_the_work_begins_was_none(sleeper: Sleeper) -> None:
    pace = AsyncPace(clock=sleeper)
    sleeper.now += IDLE
    pace.begin()
    sleeper.now += 0.1
    await pace.pause()
    assert sleeper.slept == pytest.approx(0.1)


async def test_a_piece_that_took_long_is_not_paid_for_in_full(sleeper: Sleeper) -> None:
    pace = AsyncPace(0.01, clock=sleeper)
    sleeper.now += IDLE
    await pace.pause()
    assert sleeper.slept == LONGEST_SLEEP


async def test_a_hurry_that_begins_half_way_counts(sleeper: Sleeper) -> None:
    pace, waiting = AsyncPace(clock=sleeper), asyncio.Event()
    pace.begin(waiting.is_set)
    for set_or_clear, slept in ((waiting.clear, 0.1), (waiting.set, 0.1), (waiting.clear, 0.2)):
        set_or_clear()
        sleeper.now += 0.1
        await pace.pause()
        assert sleeper.slept == pytest.approx(slept)


async def test_a_collection_and_a_count_do_not_rest_for_the_time_since_the_last_one(
    farm: Farm, sleeper: Sleeper
) -> None:
    await farm.step("one", await farm.blob(10))
    pace = AsyncPace(clock=sleeper)
    collector, counter = farm.collector(pace), farm.counter(pace)
    for work in (lambda: collector.collect(Policy()), counter.refresh, counter.count):
        sleeper.now += IDLE
        await work()
    assert sleeper.slept == 0
