"""What a server does in the background for its store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lamella.maintenance.compact import compact
from lamella.maintenance.scrub_cycle import ScrubCycle
from lamella.maintenance.warm import warm
from lamella.maintenance.worker import Job
from lamella.server.garbage import find_casualties

if TYPE_CHECKING:
    from lamella.server.config import ServerConfig
    from lamella.store.local import LocalStore

COMPACT_SECONDS: Final = 300.0
"""How often blobs are looked for that may turn cold, unless they turn cold sooner after their last use."""

WARM_SECONDS: Final = 15.0
"""How often blobs are looked for that were read often, unless reads count for less than a minute."""

LEFTOVER_SECONDS: Final = 6 * 3600.0
"""How often files are looked for that nothing refers to."""

SCRUB_SECONDS: Final = 300.0
"""How often what is due of a cycle of scrubbing is done."""


def jobs(store: LocalStore, config: ServerConfig) -> list[Job]:
    """Return the jobs that the configuration asks for."""
    found = [Job("removing leftovers", LEFTOVER_SECONDS, lambda pace: store.leftovers.remove(pace.pause))]
    cold_after = config.cold_after
    if cold_after is not None:
        interval = min(COMPACT_SECONDS, cold_after)
        found.append(Job("compacting", interval, lambda pace: compact(store, cold_after, pace)))
    reads = store.reads
    if reads is not None:
        interval = min(WARM_SECONDS, reads.period / 4)
        found.append(Job("warming", interval, lambda pace: warm(store, reads, pace)))
    if config.scrub_days > 0:
        cycle = ScrubCycle(store, config.scrub_days, find_casualties)
        found.append(Job("scrubbing", SCRUB_SECONDS, cycle.run))
    return found
