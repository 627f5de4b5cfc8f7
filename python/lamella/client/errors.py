"""What a call to the server can end with, and the one table that says which gRPC status means what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from lamella.client.address import SERVER_VARIABLE
from lamella.errors import LamellaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpc.aio import AioRpcError


class ClientError(LamellaError):
    """A call did not succeed; ``address`` is the server's."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(reason)
        self.address = address
        self.reason = reason


class ServerUnreachable(ClientError):
    """Nobody answers at the address, even after retries."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            address,
            f"no server answers at {address} ({reason.rpartition(': ')[2].rstrip(']')}); "
            f"start one with `lamella serve`, or set {SERVER_VARIABLE} or --server to the one to use",
        )


class Timeout(ClientError):
    """The server did not answer in time."""


class Refused(ClientError):
    """The server cannot accept the request as it is; the reason names the field or limit."""


class Missing(ClientError):
    """What is asked for is not on the server, or was damaged there, and so taken out."""


class NotReady(ClientError):
    """The request refers to something that the server does not have (yet), such as the layer of a result."""


class Denied(ClientError):
    """The server does not allow this."""


class Unsupported(ClientError):
    """The server does not know the call: it is another product, or another version."""


class ServerFailed(ClientError):
    """The server made a mistake, or its disk did; its log says more."""


_ERRORS: dict[grpc.StatusCode, Callable[[str, str], ClientError]] = {
    grpc.StatusCode.UNAVAILABLE: ServerUnreachable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Timeout,
    grpc.StatusCode.INVALID_ARGUMENT: Refused,
    grpc.StatusCode.OUT_OF_RANGE: Refused,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Refused,
    grpc.StatusCode.NOT_FOUND: Missing,
    grpc.StatusCode.DATA_LOSS: Missing,
    grpc.StatusCode.FAILED_PRECONDITION: NotReady,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.UNAUTHENTICATED: Denied,
    grpc.StatusCode.UNIMPLEMENTED: Unsupported,
}


def translate(error: AioRpcError, address: str) -> ClientError:
    """Return the error that a failed call means."""
    reason = error.details() or error.code().name
    return _ERRORS.get(error.code(), ServerFailed)(address, reason)
