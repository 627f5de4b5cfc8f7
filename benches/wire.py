"""What went over the TCP connections of this process: every byte, whatever the messages say of themselves."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import closing, suppress
from pathlib import Path

TCP_INFO_SIZE = 256
BYTES = struct.Struct("=QQ")
BYTES_AT = 120
"""Where ``tcpi_bytes_acked`` and ``tcpi_bytes_received`` are in ``struct tcp_info`` (Linux, ``linux/tcp.h``)."""


def tcp_bytes(address: str) -> tuple[int, int]:
    """Return the bytes sent to and received from ``host:port`` over connections that are open."""
    port = int(address.rpartition(":")[2])
    sent = received = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            if not link.is_socket():
                continue
        with closing(socket.socket(fileno=os.dup(int(link.name)))) as connection, suppress(OSError):
            internet = connection.family in (socket.AF_INET, socket.AF_INET6)
            if internet and connection.getpeername()[1] == port:
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
                more_sent, more_received = BYTES.unpack_from(info, BYTES_AT)
                sent, received = sent + more_sent, received + more_received
    return sent, received
