"""Starting a server: one process, or several behind one port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lamella.server.address import Addresses
from lamella.server.config import ServerConfig

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Addresses", "ServerConfig", "serve"]


def serve(config: ServerConfig, ready: Callable[[Addresses], None]) -> None:
    """Serve until SIGTERM or SIGINT, and call ``ready`` with the addresses once calls are taken.

    The first signal lets running calls finish within ``config.grace``, a second one cuts them off.

    Raises:
        CannotServe: an address cannot be listened on, or a worker does not start.
        StoreError, StorageFull: the data folder cannot be opened as a store.
        OSError: the data folder cannot be made or read.
    """
    if config.workers > 1:
        from lamella.server.supervisor import Supervisor  # noqa: PLC0415 - it never loads gRPC

        asyncio.run(Supervisor(config).run(ready))
    else:
        from lamella.server.process import run  # noqa: PLC0415 - the supervisor needs none of it
        from lamella.server.stop import Stop  # noqa: PLC0415

        async def main() -> None:
            await run(config, ready, Stop.on_signals())

        asyncio.run(main())
