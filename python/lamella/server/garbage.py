"""Garbage collection put together with the doors: they know what action results name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.maintenance import casualties
from lamella.maintenance.async_pace import AsyncPace
from lamella.maintenance.collector import Collector
from lamella.maintenance.garbage_lock import GarbageLock
from lamella.maintenance.policy import Policy
from lamella.maintenance.project_usage import ProjectCounter
from lamella.maintenance.retention import Retention
from lamella.maintenance.retention_file import read_retention
from lamella.maintenance.routine import Routine
from lamella.server.grpc.action_blobs import blobs_of_encoded

if TYPE_CHECKING:
    from collections.abc import Collection

    from lamella.model import Digest
    from lamella.server.config import GarbageConfig
    from lamella.store.local import LocalStore


def compose_collector(store: LocalStore, pace: AsyncPace | None = None) -> Collector:
    """Return a collector for a store, which takes half a core unless told otherwise."""
    return Collector(store, blobs_of_encoded, store.chunks_of, pace or AsyncPace())


def compose_counter(store: LocalStore, pace: AsyncPace | None = None) -> ProjectCounter:
    """Return what counts how much each project takes, with half a core unless told otherwise."""
    return ProjectCounter(store, blobs_of_encoded, store.chunks_of, pace or AsyncPace())


async def find_casualties(store: LocalStore, lost: Collection[Digest]) -> list[casualties.Casualty]:
    """Return the units that need a lost blob; see ``maintenance.casualties``."""
    return await casualties.find_casualties(store, lost, blobs_of_encoded)


def compose_routine(store: LocalStore, config: GarbageConfig) -> Routine:
    """Return what a serving process does now and then.

    Raises:
        RetentionError: the file of rules cannot be read.
        OSError: there is none.
    """
    lock, policy = GarbageLock(store.garbage_lock), policy_of(config)
    return Routine(store, compose_collector(store), lock, policy, config.interval, counter=compose_counter(store))


def policy_of(config: GarbageConfig) -> Policy:
    """Return what a configuration asks for; raises as ``compose_routine``."""
    retention = Retention() if config.retention is None else read_retention(config.retention)
    return Policy(config.max_age, config.grace, retention=retention)
