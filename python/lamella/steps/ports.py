"""EXPOSE: ports, ranges of ports and their protocols."""

from __future__ import annotations

import re

_SPECIFICATION = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp)?)?\Z", re.IGNORECASE)
MAX_PORT = 65535
"""The highest port."""


def parse_ports(word: str) -> list[str]:
    """Return the ports of ``80``, ``80/udp`` or ``8000-8010/tcp`` as ``port/protocol``, lowest first.

    A host's address or port (``127.0.0.1:80:80``), which images cannot hold, is refused.

    Raises:
        ValueError: the word is none of these; the message quotes it.
    """
    match = _SPECIFICATION.match(word)
    if match is None:
        raise ValueError(f"not a port: {word[:100]!r} (expected a number or a range, and /tcp, /udp or /sctp)")
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last <= MAX_PORT:
        raise ValueError(f"not a port or a range of ports up to {MAX_PORT}: {word!r}")
    protocol = (match[3] or "tcp").lower()
    return [f"{port}/{protocol}" for port in range(first, last + 1)]
