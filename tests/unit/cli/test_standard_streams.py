from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["build", "push"])
def test_a_closed_stream_changes_nothing(tmp_path: Path, command: str, closed: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    path = tmp_path if command == "build" else tmp_path / "Dockerfile"
    arguments = [sys.executable, "-m", "lamella.cli.main", command, str(path), "--server", "127.0.0.1:1"]
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *arguments], check=False, timeout=60)
    assert done.returncode == 3
