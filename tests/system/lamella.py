"""The command line in processes of its own, against a server in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

SECONDS = 120


Done = subprocess.CompletedProcess[str]


def lamella(*arguments: object, server: str = "127.0.0.1:1", **environment: str) -> Done:
    """Run a command; nobody answers at the default server."""
    return subprocess.run(
        [sys.executable, "-m", "lamella.cli.main", *map(str, arguments)],
        env={**os.environ, "LAMELLA_SERVER": server, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def succeed(*arguments: object, server: str, **environment: str) -> Any:
    """Run a command with ``--json``, expect it to succeed, and return what it says."""
    done = lamella(*arguments, "--json", server=server, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def misses(build: Any) -> list[str]:
    """Return the instructions that a build had to do."""
    return [step["instruction"] for step in build["steps"] if not step["hit"]]
