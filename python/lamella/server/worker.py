"""One of several serving processes; ``supervisor.py`` runs it as ``python -m lamella.server.worker CONFIG DESCRIPTOR``.

It writes its address to the descriptor once it serves. SIGTERM, or the end of its standard input, which the supervisor
holds, requests it to stop; SIGINT means now. So it makes no difference whether a service manager signals the
supervisor alone or every process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from lamella.errors import LamellaError
from lamella.server.config import ServerConfig
from lamella.server.process import run
from lamella.server.stop import Stop

if TYPE_CHECKING:
    from lamella.server.address import Addresses


async def work(config: ServerConfig, descriptor: int) -> None:
    """Serve until told to stop."""
    loop, stop, stdin = asyncio.get_running_loop(), Stop(), sys.stdin.fileno()

    def supervisor_gone() -> None:
        loop.remove_reader(stdin)
        stop.requested.set()

    def insist() -> None:
        stop.requested.set()
        stop.now.set()

    def ready(addresses: Addresses) -> None:
        with os.fdopen(descriptor, "w") as pipe:
            pipe.write(addresses.grpc)

    loop.add_reader(stdin, supervisor_gone)
    loop.add_signal_handler(signal.SIGTERM, stop.requested.set)
    loop.add_signal_handler(signal.SIGINT, insist)
    await run(config, ready, stop, share_port=True)


def main() -> None:
    """Serve as the command line says."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(work(ServerConfig.decode(sys.argv[1]), int(sys.argv[2])))
    except (LamellaError, OSError) as error:
        sys.exit(f"lamella: {error}")


if __name__ == "__main__":
    main()
