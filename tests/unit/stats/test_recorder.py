import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lamella.errors import Invalid, StorageFull
from lamella.index import CounterKey, Counters, CounterTable, Index
from lamella.stats import recorder as module
from lamella.stats.recorder import OTHER, Recorder

DAY = 24 * 3600
HIT = Counters(lookups=1, hits=1, saved_ms=1500)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[CounterTable]:
    (tmp_path / "index").mkdir()
    index = Index(tmp_path / "index")
    yield CounterTable(index)
    index.close()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def rows(table: CounterTable) -> dict[CounterKey, Counters]:
    return dict(table.scan())


async def test_counts_add_up_by_day_project_builder_and_instruction(table: CounterTable) -> None:
    clock = Clock()
    recorder = Recorder(table, clock)
    for _ in range(2):
        recorder.add(HIT, project="a/b", builder="one", instruction="RUN")
    await recorder.flush()
    recorder.add(HIT, project="a/b", builder="one", instruction="RUN")
    recorder.add(Counters(bytes_in=7), project="a/b", builder="one")
    clock.now = DAY - 1
    recorder.add(HIT, project="a/b", builder="two", instruction="RUN")
    clock.now = DAY
    recorder.add(HIT, project="a/b", builder="one", instruction="RUN")
    assert len(rows(table)) == 1
    await recorder.flush()
    assert rows(table) == {
        CounterKey("1970-01-01", "a/b", "one", "RUN"): HIT + HIT + HIT,
        CounterKey("1970-01-01", "a/b", "one"): Counters(bytes_in=7),
        CounterKey("1970-01-01", "a/b", "two", "RUN"): HIT,
        CounterKey("1970-01-02", "a/b", "one", "RUN"): HIT,
    }


async def test_a_flush_waits_for_what_another_one_writes(table: CounterTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics are told after a flush; that once a second may have begun a moment before."""
    recorder = Recorder(table)
    recorder.add(HIT, project="a/b", builder="one")
    add = table.add

    async def slowly(additions: Mapping[CounterKey, Counters]) -> None:
        await asyncio.sleep(0.05)
        await add(additions)

    monkeypatch.setattr(table, "add", slowly)
    first = asyncio.create_task(recorder.flush())
    await asyncio.sleep(0)
    await recorder.flush()
    assert len(rows(table)) == 1
    await first


@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "after"])
async def test_what_a_cancelled_flush_has_taken_is_counted_once(
    table: CounterTable, monkeypatch: pytest.MonkeyPatch, *, written: bool
) -> None:
    """A server that stops cancels the flush that it may be in, and flushes once more."""
    recorder = Recorder(table, Clock())
    add, begun, go_on = table.add, asyncio.Event(), asyncio.Event()

    async def held(additions: Mapping[CounterKey, Counters]) -> None:
        if written:
            await add(additions)
        begun.set()
        await go_on.wait()
        if not written:
            await add(additions)

    monkeypatch.setattr(table, "add", held)
    recorder.add(HIT, project="a/b", builder="one")
    cancelled = asyncio.create_task(recorder.flush())
    await begun.wait()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    recorder.add(HIT, project="a/b", builder="one")
    last = asyncio.create_task(recorder.flush())
    go_on.set()
    await last
    assert rows(table) == {CounterKey("1970-01-01", "a/b", "one"): HIT + HIT}


async def test_names_past_the_limit_are_counted_together(table: CounterTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_NAMES", 2)
    clock = Clock()
    recorder = Recorder(table, clock)
    for builder in ("one", "two", "three", "four", "one"):
        recorder.add(HIT, project="a/b", builder=builder)
    for project in ("c/d", "e/f"):
        recorder.add(HIT, project=project, builder="one")
    clock.now = DAY
    recorder.add(HIT, project="e/f", builder="three")
    await recorder.flush()
    assert {(key.day[-1], key.project, key.builder): counters.hits for key, counters in rows(table).items()} == {
        ("1", "a/b", "one"): 2,
        ("1", "a/b", "two"): 1,
        ("1", "a/b", OTHER): 2,
        ("1", "c/d", "one"): 1,
        ("1", OTHER, "one"): 1,
        ("2", "e/f", "three"): 1,
    }


async def test_a_name_that_cannot_be_a_key_is_refused(table: CounterTable) -> None:
    recorder = Recorder(table)
    with pytest.raises(Invalid, match="builder"):
        recorder.add(HIT, project="a/b", builder="zero\0byte")
    await recorder.flush()
    assert rows(table) == {}


async def test_what_cannot_be_written_stays_for_the_next_time(
    table: CounterTable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.001)
    recorder = Recorder(table, Clock())
    tries = 0

    async def full(_: object) -> None:
        nonlocal tries
        tries += 1
        raise StorageFull("of the test")

    with monkeypatch.context() as patched:
        patched.setattr(table, "add", full)
        recorder.add(HIT, project="a/b", builder="one")
        with pytest.raises(StorageFull):
            await recorder.flush()
        running = asyncio.create_task(recorder.run())
        while tries < 4:  # noqa: ASYNC110 - the recorder tells nobody
            await asyncio.sleep(0)
    recorder.add(HIT, project="a/b", builder="one")
    while not rows(table):  # noqa: ASYNC110 - the recorder tells nobody
        await asyncio.sleep(0.001)
    running.cancel()
    assert rows(table) == {CounterKey("1970-01-01", "a/b", "one"): HIT + HIT}
    assert caplog.text.count("statistics cannot be written") == 1
