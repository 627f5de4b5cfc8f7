"""How a server is to run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec

from lamella.store.buffered_file import MAX_BLOB_SIZE

DEFAULT_GRACE: Final = 30.0
"""Seconds that running calls get to finish when the server is told to stop."""


DEFAULT_HTTP_ADDRESS: Final = "127.0.0.1:8971"
"""Where registry clients find the server unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Port 0 lets the kernel choose; ``max_blob_size`` is in bytes, ``grace`` in seconds.

    ``host`` and ``port`` are for gRPC, ``http_host`` and ``http_port`` for registry clients; without an ``http_port``
    there is no registry.
    """

    data_folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    workers: int = 1
    max_blob_size: int = MAX_BLOB_SIZE
    grace: float = DEFAULT_GRACE
    http_host: str = "127.0.0.1"
    http_port: int | None = None

    def encode(self) -> str:
        """Return the configuration as text, for another process."""
        return msgspec.json.encode(self, enc_hook=os.fspath).decode()

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what ``encode`` gave."""
        return msgspec.json.decode(text, type=cls, dec_hook=lambda _, path: Path(path))
