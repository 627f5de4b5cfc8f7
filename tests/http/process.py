"""A server with a registry, in processes of its own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamella.server.config import ServerConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
import logging, sys
from lamella.server.app import ServerConfig, serve
logging.basicConfig(level=logging.INFO)
serve(ServerConfig.decode(sys.argv[1]), lambda addresses: print(addresses.grpc, addresses.http, flush=True))
"""


@dataclass(frozen=True)
class RegistryProcess:
    """Where a server takes calls, ``host:port`` each, and its main process."""

    grpc: str
    http: str
    pid: int


@contextmanager
def serving(folder: Path, workers: int = 1, **options: Any) -> Iterator[RegistryProcess]:
    config = ServerConfig(folder, workers=workers, http_port=0, grace=5.0, **options)
    command = [sys.executable, "-c", PROGRAM, config.encode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            grpc, http = process.stdout.readline().split()
            yield RegistryProcess(grpc, http, process.pid)
        finally:
            process.terminate()
            process.wait(30)
