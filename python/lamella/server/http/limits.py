"""What one connection and one request may cost. Limits of manifests and lists are in ``lamella.registry``."""

from __future__ import annotations

from typing import Final

FIRST_REQUEST_SECONDS: Final = 30.0
"""From the opening of a connection to the end of its first request's headers."""

KEEPALIVE_SECONDS: Final = 75.0
"""How long a connection may rest between requests."""

BODY_SECONDS: Final = 60.0
"""How long a request's body may bring no byte; what came of an upload until then can be resumed."""

STALL_SECONDS: Final = 300.0
"""How long a client may take no byte of a blob: it may be writing out what it has."""

LINGER_SECONDS: Final = 10.0
"""How long the rest of a refused request's body is read, so that the client gets to see the answer."""

READ_BUFFER: Final = 1 << 20
"""Bytes of a body that are received ahead of who writes them to the disk; a connection holds about twice that."""

WRITE_SIZE: Final = 256 << 10
"""The most bytes of a blob that a connection is given at once: it copies what the client does not take right away."""

DIRECT_SIZE: Final = 4 << 20
"""Bytes of a body from which on a thread takes them from the socket, after which the connection is closed."""

BACKLOG: Final = 1024
"""Connections that wait to be accepted: some clients open one for each request."""
