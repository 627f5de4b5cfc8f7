from __future__ import annotations

import threading

import pytest

from lamella.maintenance.pace import LONGEST_SLEEP, Pace, Stopped


class Sleeper:
    """A clock that only sleeping and working move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.slept = 0.0
        monkeypatch.setattr(threading.Event, "wait", self._wait)

    def __call__(self) -> float:
        return self.now

    def _wait(self, seconds: float) -> bool:
        self.now += seconds
        self.slept += seconds
        return False


@pytest.mark.parametrize(("share", "slept"), [(1.0, 0.0), (0.5, 1.0), (0.25, 3.0)])
def test_work_takes_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch, share: float, slept: float) -> None:
    sleeper = Sleeper(monkeypatch)
    pace = Pace(share, clock=sleeper)
    for _ in range(10):
        sleeper.now += 0.1
        pace.pause(100)
    assert sleeper.slept == pytest.approx(slept)


def test_work_reads_no_more_than_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = Sleeper(monkeypatch)
    pace = Pace(1.0, bytes_per_second=100, clock=sleeper)
    for _ in range(5):
        sleeper.now += 0.1
        pace.pause(50)
    assert sleeper.now == pytest.approx(2.5)


def test_a_batch_that_took_long_is_not_paid_for_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = Sleeper(monkeypatch)
    pace = Pace(0.01, clock=sleeper)
    sleeper.now += 1000
    pace.pause()
    assert sleeper.slept == LONGEST_SLEEP


@pytest.mark.parametrize("share", [0.001, 1.0])
def test_work_that_is_stopped_ends_at_its_next_pause(share: float) -> None:
    pace = Pace(share)
    pace.stop()
    with pytest.raises(Stopped):
        pace.pause()


@pytest.mark.parametrize("share", [0.0, -1.0, 1.1])
def test_a_share_is_a_part_of_one(share: float) -> None:
    with pytest.raises(ValueError, match=str(share)):
        Pace(share)
