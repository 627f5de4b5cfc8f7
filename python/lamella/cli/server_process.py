"""A server in a process of its own, for as long as a block runs."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lamella.cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STOP_SECONDS = 15
"""How long the server may take to stop before it is killed."""


@contextmanager
def running_server(data_folder: Path, *arguments: str) -> Iterator[str]:
    """Run ``lamella serve`` on ports of the kernel's choice; yields its ``HOST:PORT`` for gRPC.

    Raises:
        Failure: it does not start; what it says is on stderr.
    """
    listen = ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]
    command = [sys.executable, "-m", "lamella.cli.main", "serve", *listen]
    with subprocess.Popen(
        [*command, "--data-folder", str(data_folder), *arguments], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            lines = [server.stdout.readline() for _ in range(2)] if server.stdout is not None else []
            address = lines[-1].strip().rpartition("=")[2] if lines and lines[-1] else ""
            if not address:
                raise Failure("the temporary server did not start")
            yield address
        finally:
            server.terminate()
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
