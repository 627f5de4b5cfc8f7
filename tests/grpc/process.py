"""A server in processes of its own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lamella.server.config import ServerConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """
import logging, sys
from lamella.server.app import ServerConfig, serve
logging.basicConfig(level=logging.INFO)
serve(ServerConfig.decode(sys.argv[1]), lambda addresses: print(addresses.grpc, flush=True))
"""


class ServerProcess:
    """``address`` is where it listens, ``pid`` its main process."""

    def __init__(self, config: ServerConfig) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, config.encode()], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()

    @property
    def pid(self) -> int:
        return self.process.pid

    def children(self) -> set[int]:
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}

    def stop(self) -> int:
        """End it if it has not, and return its exit status."""
        self.process.terminate()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(30)


@contextmanager
def serving(folder: Path, workers: int = 1, grace: float = 30.0, port: int = 0) -> Iterator[ServerProcess]:
    server = ServerProcess(ServerConfig(folder, port=port, workers=workers, grace=grace))
    try:
        yield server
    finally:
        server.stop()


def is_running(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def peak_memory(pid: int) -> int:
    """Return the most memory that a process ever had, in bytes."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
