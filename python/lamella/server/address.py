"""Addresses to listen on."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from lamella.errors import CannotServe


def format_address(host: str, port: int) -> str:
    """Return ``host:port``, with an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a server takes calls, as ``host:port``: gRPC, and registry clients if any."""

    grpc: str
    http: str | None = None


def listening_socket(host: str, port: int, *, share_port: bool = False) -> socket.socket:
    """Return a bound socket to take connections from; ``share_port`` where other processes serve the same port.

    Raises:
        CannotServe: somebody listens there already, or the host is not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, reuse_port=share_port)
    except OSError as error:
        raise _cannot_serve(host, port, error) from None


def reserve_port(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to a port, and never listens, so that workers can share the port.

    Connections go to listening sockets only. The port is the kernel's choice for 0.

    Raises:
        CannotServe: somebody listens there already, or the host is not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Without SO_REUSEPORT, so that another server on the port is an error and not a second half of this one.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            if port == 0:
                address = probe.getsockname()
        reserved = socket.socket(family, socket.SOCK_STREAM)
        # SO_REUSEADDR for connections of an earlier server without SO_REUSEPORT: the kernel keeps them for a minute.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            reserved.bind(address)
        except OSError:
            reserved.close()
            raise
    except OSError as error:
        raise _cannot_serve(host, port, error) from None
    return reserved


def _cannot_serve(host: str, port: int, error: OSError) -> CannotServe:
    # In the system's words: Python's own repeat the address. Lookups of names have numbers of their own.
    own = isinstance(error, socket.gaierror) or error.errno is None
    reason = error.strerror or str(error) if own else os.strerror(error.errno or 0)
    return CannotServe(format_address(host, port), f"{reason}; choose another one with --listen or --http-listen")
