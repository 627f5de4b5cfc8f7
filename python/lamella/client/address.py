"""Where the server is."""

from __future__ import annotations

import os

from lamella.errors import Invalid

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8970
DEFAULT_ADDRESS = f"{DEFAULT_HOST}:{DEFAULT_PORT}"

SERVER_VARIABLE = "LAMELLA_SERVER"
"""The environment variable that names the server, as ``HOST:PORT``."""


def parse_address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``; an IPv6 host is in brackets, port 0 lets the kernel choose where one listens.

    Raises:
        Invalid: the text is of another form, or the port is above 65535.
    """
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host and not bracketed) or not port.isdecimal() or int(port) > 65535:
        raise Invalid("server address", f"{text!r} is not HOST:PORT")
    return (host[1:-1] if bracketed else host), int(port)


def server_address(given: str | None = None) -> str:
    """Return the address given, else that of ``LAMELLA_SERVER``, else ``DEFAULT_ADDRESS``; raises as above."""
    address = given or os.environ.get(SERVER_VARIABLE) or DEFAULT_ADDRESS
    parse_address(address)
    return address
