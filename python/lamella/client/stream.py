"""Calls in which both sides send one message after another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from google.protobuf.message import Message

from lamella.client.errors import ServerFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpc import aio

    from lamella.client.connection import Connection

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


class Stream(Generic[Request, Response]):
    """One call of a stub's method; messages count as traffic. Who opens it closes it."""

    def __init__(self, connection: Connection, method: Callable[..., aio.StreamStreamCall[Request, Response]]) -> None:
        self._connection = connection
        self._call = method(metadata=connection.metadata)

    async def write(self, request: Request) -> None:
        """Send a message.

        Raises:
            AioRpcError: the call failed.
            ServerFailed: it had ended already.
        """
        try:
            await self._call.write(request)
        except asyncio.InvalidStateError:
            # Only the call's status tells why it ended.
            raise self._failed(await self._call.details()) from None
        self._connection.traffic.sent += request.ByteSize()

    async def read(self) -> Response:
        """Wait for a message.

        Raises:
            AioRpcError: the call failed.
            ServerFailed: it ended, and no message is left.
        """
        response = await self._call.read()
        if not isinstance(response, Message):  # it is EOF, which the stubs lack
            raise self._failed()
        self._connection.traffic.received += response.ByteSize()
        return cast("Response", response)

    async def end(self) -> None:
        """Say that no more messages are sent."""
        await self._call.done_writing()

    def close(self) -> None:
        """Cancel the call if it still runs."""
        self._call.cancel()

    def _failed(self, details: str = "") -> ServerFailed:
        return ServerFailed(self._connection.address, details or "the call ended early")
