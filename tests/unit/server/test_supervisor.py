import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lamella.server import supervisor
from lamella.server.config import ServerConfig
from lamella.server.supervisor import Supervisor

TRIES = 20


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("program", "said"),
    [("false", "ended with status 1"), ("there-is-no-such-program", "cannot be started")],
)
async def test_a_worker_that_does_not_start_is_tried_again_and_leaves_nothing(
    program: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.001)
    caplog.set_level(logging.ERROR)
    held = open_files()
    keeper = Supervisor(ServerConfig(tmp_path))
    keeping = asyncio.create_task(keeper._keep(None))
    while caplog.text.count(said) < TRIES:
        assert not keeping.done()
        await asyncio.sleep(0.001)
    assert len(keeper._processes) <= 1, "only the one that is being tried"
    assert open_files() < held + TRIES
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    await keeper._ended()
