from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_stops_a_build_it_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\nWORKDIR /app\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        build = subprocess.Popen(
            [sys.executable, "-m", "lamella.cli.main", "build", tmp_path / "app", "--server", server],
            env={**os.environ, "TMPDIR": str(temporary)},
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + SECONDS
        while not list(temporary.glob("lamella-build-*")):
            assert build.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        build.send_signal(number)
        _, errors = build.communicate(timeout=SECONDS)
    assert (build.returncode, errors) == (130, "lamella: interrupted\n")
    assert list(temporary.iterdir()) == []
