"""Keeping gRPC's own log to what an operator can act on."""

from __future__ import annotations

import logging

_CLIENT_GONE = "ExecuteBatchError raised in core by servicer method"
_LOGGER = "grpc._cython.cygrpc"


def hide_departed_clients() -> None:
    """Drop the traceback that gRPC logs whenever a client goes away in the middle of an answer."""
    logging.getLogger(_LOGGER).addFilter(_not_a_departed_client)


def _not_a_departed_client(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_CLIENT_GONE)
