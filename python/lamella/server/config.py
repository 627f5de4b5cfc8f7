"""How a server is to run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import msgspec

from lamella.maintenance.compact import DEFAULT_COLD_AFTER
from lamella.maintenance.pace import DEFAULT_SHARE
from lamella.maintenance.policy import GRACE
from lamella.maintenance.scrub_cycle import DEFAULT_DAYS
from lamella.store.buffered_file import MAX_BLOB_SIZE
from lamella.store.reads import DEFAULT_READS

DEFAULT_GRACE: Final = 30.0
"""Seconds that running calls get to finish when the server is told to stop."""

DEFAULT_HTTP_ADDRESS: Final = "127.0.0.1:8971"
"""Where registry clients find the server unless it is told otherwise."""


DEFAULT_GC_INTERVAL: Final = 3600.0
"""Seconds between two collections of garbage."""


@dataclass(frozen=True, slots=True)
class GarbageConfig:
    """``max_size`` is in bytes on the disk; ``max_age``, ``grace`` and ``interval`` are in seconds.

    Without ``max_size`` or ``max_age`` there is no such limit; ``retention`` is a file of rules.
    """

    max_size: int | None = None
    max_age: float | None = None
    grace: float = GRACE
    interval: float = DEFAULT_GC_INTERVAL
    retention: Path | None = None


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Port 0 lets the kernel choose; ``max_blob_size`` is in bytes, ``grace`` in seconds.

    ``host`` and ``port`` are for gRPC, ``http_host`` and ``http_port`` for registry clients; without an ``http_port``
    there is no registry. Blobs that nobody used for ``cold_after`` seconds turn cold (None: never), and are hot again
    after ``warm_after`` reads in that time, plain ones after more (None: never). Work in the background takes up to
    ``background_share`` of one core. All that is stored is read, and verified, within about ``scrub_days`` (0: never).
    """

    data_folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    workers: int = 1
    max_blob_size: int = MAX_BLOB_SIZE
    grace: float = DEFAULT_GRACE
    http_host: str = "127.0.0.1"
    http_port: int | None = None
    garbage: GarbageConfig = field(default_factory=GarbageConfig)
    cold_after: float | None = DEFAULT_COLD_AFTER
    warm_after: int | None = DEFAULT_READS
    background_share: float = DEFAULT_SHARE
    scrub_days: float = DEFAULT_DAYS

    def encode(self) -> str:
        """Return the configuration as text, for another process."""
        return msgspec.json.encode(self, enc_hook=os.fspath).decode()

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what ``encode`` gave."""
        return msgspec.json.decode(text, type=cls, dec_hook=lambda _, path: Path(path))
