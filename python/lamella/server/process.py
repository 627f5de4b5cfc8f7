"""One serving process: the parts put together, served, and taken apart again."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from lamella.errors import LamellaError
from lamella.index import Actions, CounterTable, Steps
from lamella.layers.ingest import LayerVerifier
from lamella.server.address import format_address
from lamella.server.domain import Domain
from lamella.server.grpc.door import GrpcDoor
from lamella.server.results import StepResults
from lamella.stats.recorder import Recorder
from lamella.store.coalesce import CoalescingStore
from lamella.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from lamella.server.config import ServerConfig
    from lamella.server.stop import Stop

logger = logging.getLogger(__name__)

HEALTH_SECONDS: Final = 1.0
"""How often the store's health is looked at."""

EXPIRE_SECONDS: Final = 3600.0
"""How often uploads that nobody continued are removed."""


async def run(config: ServerConfig, ready: Callable[[str], None], stop: Stop, *, share_port: bool = False) -> None:
    """Serve until told to stop; see ``app.serve``. ``share_port`` where other processes serve the same port."""
    async with LocalStore(config.data_folder, max_blob_size=config.max_blob_size) as store:
        domain = compose(store, config.max_blob_size)
        door = GrpcDoor(domain, share_port=share_port)
        port = await door.start(format_address(config.host, config.port))
        async with _background(domain.recorder.run(), _expire_uploads(store), report_health(store, door)):
            ready(format_address(config.host, port))
            await stop.requested.wait()
        await _drain(door, config.grace, stop)
        try:
            await domain.recorder.flush()
        except LamellaError:
            logger.exception("the last second's statistics are lost")


def compose(store: LocalStore, max_blob_size: int) -> Domain:
    """Put the parts together on an open store."""
    counters = CounterTable(store.index)
    return Domain(
        store=CoalescingStore(store),
        uploads=store.uploads,
        actions=Actions(store.index),
        results=StepResults(Steps(store.index, store.blobs), store),
        layers=LayerVerifier(store, store, store.layers),
        recorder=Recorder(counters),
        counters=counters,
        max_blob_size=max_blob_size,
    )


async def _drain(door: GrpcDoor, grace: float, stop: Stop) -> None:
    draining = asyncio.create_task(door.drain(grace))
    now = asyncio.create_task(stop.now.wait())
    await asyncio.wait({draining, now}, return_when=asyncio.FIRST_COMPLETED)
    now.cancel()
    draining.cancel()  # no effect where it is done; cuts running calls off otherwise
    with suppress(asyncio.CancelledError):
        await draining


async def _expire_uploads(store: LocalStore) -> None:
    while True:
        await asyncio.sleep(EXPIRE_SECONDS)
        try:
            await store.uploads.expire()
        except OSError:
            logger.exception("uploads that nobody continued cannot be removed")


async def report_health(store: LocalStore, door: GrpcDoor) -> None:
    """Keep telling health checks whether the store takes writes."""
    while True:
        await door.set_serving(store.read_only is None)
        await asyncio.sleep(HEALTH_SECONDS)


@asynccontextmanager
async def _background(*coroutines: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run coroutines until the context is left; one that fails is logged, since the calls go on without it."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                logger.error("a background task failed", exc_info=outcome)
