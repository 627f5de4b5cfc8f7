"""One serving process: the parts put together, served, and taken apart again."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from lamella._core import limit_arenas
from lamella.errors import LamellaError
from lamella.index import Actions, CounterTable, ProjectUsageTable, Steps, UsageTable
from lamella.layers.ingest import LayerVerifier
from lamella.maintenance.diff_ids import DiffIdFinder
from lamella.maintenance.worker import maintain
from lamella.registry.registry import Registry
from lamella.server.address import Addresses, format_address, listening_socket, reserve_port
from lamella.server.domain import Domain
from lamella.server.garbage import compose_routine
from lamella.server.grpc.door import GrpcDoor
from lamella.server.http.call import Services
from lamella.server.http.door import HttpDoor
from lamella.server.jobs import jobs
from lamella.server.results import StepResults
from lamella.server.store import open_store
from lamella.stats.recorder import Recorder
from lamella.store.coalesce import CoalescingStore
from lamella.store.verify import VerifyingStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from lamella.server.config import ServerConfig
    from lamella.server.stop import Stop
    from lamella.store.local import LocalStore

logger = logging.getLogger(__name__)

MOST_ARENAS: Final = 2
"""Arenas of the allocator: with one for each thread, eight transfers at once would hold 15 to 20 MiB more."""

HEALTH_SECONDS: Final = 1.0
"""How often the store's health is looked at."""


async def run(
    config: ServerConfig, ready: Callable[[Addresses], None], stop: Stop, *, share_port: bool = False
) -> None:
    """Serve until told to stop; see ``app.serve``. ``share_port`` where other processes serve the same port."""
    if not limit_arenas(MOST_ARENAS):
        logger.debug("this allocator has no arenas that could be limited")
    async with open_store(config) as store:
        routine = compose_routine(store, config.garbage)
        domain = compose(store, config.max_blob_size)
        door = GrpcDoor(domain, share_port=share_port)
        diff_ids = DiffIdFinder(store, config.background_share)
        registry = HttpDoor(compose_registry(store, domain, diff_ids), config.grace)
        try:
            if not share_port:
                reserve_port(config.host, config.port).close()  # gRPC does not say why it cannot listen
            http = await _start_registry(registry, config, share_port=share_port)
            port = await door.start(format_address(config.host, config.port))
            async with _background(
                domain.recorder.run(),
                routine.run(),
                diff_ids.run(),
                report_health(store, door),
                maintain(config.data_folder, jobs(store, config), config.background_share),
            ):
                ready(Addresses(format_address(config.host, port), http))
                await stop.requested.wait()
            await _drain(stop, door.drain(config.grace), registry.stop())
        finally:
            await registry.stop()
        try:
            await domain.recorder.flush()
        except LamellaError:
            logger.exception("the last second's statistics are lost")


def compose(store: LocalStore, max_blob_size: int) -> Domain:
    """Put the parts together on an open store."""
    counters = CounterTable(store.index)
    return Domain(
        store=CoalescingStore(VerifyingStore(store, store.quarantine)),
        chunk_lists=store.chunk_lists,
        receiver=store.receiver,
        sender=store.sender,
        bases=store.bases,
        uploads=store.uploads,
        actions=Actions(store.index, store.blobs),
        results=StepResults(Steps(store.index, store.blobs), store),
        layers=LayerVerifier(store, store, store.layers),
        recorder=Recorder(counters),
        counters=counters,
        usage=UsageTable(store.index),
        project_usage=ProjectUsageTable(store.index),
        max_blob_size=max_blob_size,
    )


def compose_registry(store: LocalStore, domain: Domain, diff_ids: DiffIdFinder) -> Services:
    """Put the registry together on the same store and the same counts."""
    registry = Registry(store.index, store.blobs, domain.store, domain.uploads, accepted=diff_ids.notice)
    return Services(registry, domain.store, store, domain.recorder)


async def _start_registry(door: HttpDoor, config: ServerConfig, *, share_port: bool) -> str | None:
    """Let registry clients in, if they are to be, and return where."""
    if config.http_port is None:
        return None
    listener = listening_socket(config.http_host, config.http_port, share_port=share_port)
    await door.start(listener)
    return format_address(config.http_host, listener.getsockname()[1])


async def _drain(stop: Stop, *doors: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.create_task(door) for door in doors]
    # Also where it is cancelled, it waits for all of them.
    draining = asyncio.gather(*tasks, return_exceptions=True)
    now = asyncio.create_task(stop.now.wait())
    waited: set[asyncio.Future[Any]] = {draining, now}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    now.cancel()
    draining.cancel()  # no effect where it is done; cuts running calls off otherwise
    with suppress(asyncio.CancelledError):
        await draining
    for task in tasks:
        if not task.cancelled():
            task.result()


async def report_health(store: LocalStore, door: GrpcDoor) -> None:
    """Keep telling health checks whether the store takes writes."""
    while True:
        await door.set_serving(store.read_only is None)
        await asyncio.sleep(HEALTH_SECONDS)


@asynccontextmanager
async def _background(*coroutines: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run coroutines until the context is left; one that fails is logged at once, since the calls go on without it."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    for task in tasks:
        task.add_done_callback(_log_failure)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a background task failed", exc_info=error)
