"""Several serving processes behind one port, started again when they die. It opens no index and loads no gRPC."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lamella.errors import CannotServe
from lamella.server.address import Addresses, format_address, reserve_port
from lamella.server.stop import Stop
from lamella.store.folder import StoreFolder

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable

    from lamella.server.config import ServerConfig

logger = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 10.0
"""Seconds before a worker that died is started again: each time twice as long, while they die young."""

YOUNG_SECONDS: Final = 30.0

KILL_SECONDS: Final = 10.0
"""How long past its grace a worker may take to stop before it is killed."""


class Supervisor:
    """Holds the ports and the store's folder, so that a worker that is started again finds them as they were."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._processes: set[Process] = set()

    async def run(self, ready: Callable[[Addresses], None]) -> None:
        """Serve until told to stop; see ``app.serve``."""
        config, stop = self._config, Stop.on_signals()
        with ExitStack() as held:
            addresses = self._reserve_ports(held)
            held.enter_context(closing(StoreFolder(config.data_folder)))
            tasks = []
            try:
                first = await asyncio.gather(*(self._start() for _ in range(config.workers)))
                if None in first:
                    raise CannotServe(addresses.grpc, "a worker did not start")
                tasks = [asyncio.create_task(self._keep(process)) for process in first if process is not None]
                ready(addresses)
                await stop.requested.wait()
            finally:
                for task in tasks:
                    task.cancel()
                await self._stop(stop)

    def _reserve_ports(self, held: ExitStack) -> Addresses:
        """Choose the ports that workers share."""
        config = self._config
        port = held.enter_context(closing(reserve_port(config.host, config.port))).getsockname()[1]
        config, http = replace(config, port=port), None
        if config.http_port is not None:
            reserved = held.enter_context(closing(reserve_port(config.http_host, config.http_port)))
            config = replace(config, http_port=reserved.getsockname()[1])
            http = format_address(config.http_host, reserved.getsockname()[1])
        self._config = config
        return Addresses(format_address(config.host, port), http)

    async def _start(self) -> Process | None:
        """Start a worker and wait until it serves; None where it ends before, or cannot be started."""
        reading, writing = os.pipe()
        with os.fdopen(reading) as pipe:
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "lamella.server.worker",
                    self._config.encode(),
                    str(writing),
                    stdin=asyncio.subprocess.PIPE,
                    pass_fds=[writing],
                    start_new_session=True,  # a terminal's Ctrl-C is for the supervisor to pass on
                )
            except OSError:
                logger.exception("a worker cannot be started")
                return None
            finally:
                os.close(writing)
            self._processes.add(process)
            if await asyncio.to_thread(pipe.read):
                return process
        await self._wait(process)
        return None

    async def _wait(self, process: Process) -> None:
        """Wait until a worker ends."""
        code = await process.wait()
        self._processes.discard(process)
        logger.error("worker %d ended with status %d", process.pid, code)

    async def _keep(self, process: Process | None) -> None:
        """Start a worker again whenever it ends."""
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        while True:
            started = loop.time()
            if process is not None:
                await self._wait(process)
            pause = FIRST_PAUSE if loop.time() - started > YOUNG_SECONDS else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause)
            process = await self._start()

    async def _stop(self, stop: Stop) -> None:
        """Stop every worker, and kill those that do not."""
        self._signal(signal.SIGTERM)
        ended = asyncio.create_task(self._ended())
        insisted = asyncio.create_task(stop.now.wait())
        await asyncio.wait(
            {ended, insisted}, timeout=self._config.grace + KILL_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if insisted.done():
            self._signal(signal.SIGINT)
            await asyncio.wait({ended}, timeout=KILL_SECONDS)
        insisted.cancel()
        self._signal(signal.SIGKILL)
        await ended

    async def _ended(self) -> None:
        await asyncio.gather(*(process.wait() for process in self._processes))

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.send_signal(number)
