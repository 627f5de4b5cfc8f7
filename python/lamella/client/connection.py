"""One channel to the server: retries, time limits, the count of bytes, errors translated."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

import grpc
from grpc import aio

from lamella.client.address import server_address
from lamella.client.errors import translate
from lamella.model import Scope
from lamella.wire.fields import BUILDER_KEY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from google.protobuf.message import Message

T = TypeVar("T")

CALL_SECONDS = 60.0
"""How long a call that carries no blob may take."""

MAX_MESSAGE = 16 << 20
"""The largest message that is accepted, in bytes."""

RETRIES = 4
"""How often in a row a call is tried again after the server could not be reached, without any progress."""

FIRST_DELAY = 0.1
"""Seconds before the first retry; each further one waits twice as long, give or take a quarter."""

KEEPALIVE_SECONDS = 30.0
"""How long the server may be silent within a call before it is asked for a sign of life, and may take to give it."""

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


@dataclass(slots=True)
class Traffic:
    """Bytes of all messages so far, blobs included, without the framing below them.

    ``saved`` are bytes of blobs that did not have to be moved, since the other side had the chunks that they are in.
    """

    sent: int = 0
    received: int = 0
    saved: int = 0


class Connection:
    """A channel to one server, for one scope and builder; ``traffic`` counts what went over it."""

    def __init__(self, address: str | None = None, *, scope: Scope | None = None, builder: str = "") -> None:
        self.address = server_address(address)
        self.scope = scope or Scope()
        self.builder = builder
        self.traffic = Traffic()
        self.metadata = ((BUILDER_KEY, builder),) if builder else ()
        # Without it a call to a machine that is switched off would never end.
        keepalive = ("keepalive_time_ms", "keepalive_timeout_ms", "http2.ping_timeout_ms")
        options = [*_OPTIONS, *((f"grpc.{name}", int(KEEPALIVE_SECONDS * 1000)) for name in keepalive)]
        self.channel = aio.insecure_channel(self.address, options=options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def instance(self) -> str:
        """The scope as REAPI names it."""
        return str(self.scope)

    async def close(self) -> None:
        """Close the channel; calls that still run are cancelled."""
        await self.channel.close(None)

    async def unary(self, method: Callable[..., Any], request: Message, seconds: float = CALL_SECONDS) -> Any:
        """Make a call that may be repeated without harm.

        Raises:
            ClientError: the call failed; ``lamella.client.errors`` tells how.
        """

        async def attempt() -> Any:
            self.traffic.sent += request.ByteSize()
            response = await method(request, timeout=seconds, metadata=self.metadata)
            self.traffic.received += response.ByteSize()
            return response

        return await self.retry(attempt)

    async def retry(self, attempt: Callable[[], Awaitable[T]], progress: Callable[[], int] = lambda: 0) -> T:
        """Run ``attempt`` until it succeeds, again only where the server could not be reached.

        Attempts after which ``progress`` is higher than ever before do not count.

        Raises:
            ClientError: the last attempt's error.
        """
        failures, furthest = 0, progress()
        while True:
            try:
                return await attempt()
            except aio.AioRpcError as error:
                if progress() > furthest:
                    failures, furthest = 0, progress()
                if not _is_lost(error) or failures == RETRIES:
                    raise translate(error, self.address) from None
            spread = random.uniform(0.75, 1.25)  # noqa: S311  (keeps builders apart; it hides nothing)
            await asyncio.sleep(FIRST_DELAY * 2**failures * spread)
            failures += 1


def _is_lost(error: aio.AioRpcError) -> bool:
    """Tell whether the server was not reached, was lost on the way, or still holds what was lost.

    A message written at the moment in which the call ends makes grpc.aio forget why it ended: it says ``INTERNAL``.
    """
    masked = error.code() is grpc.StatusCode.INTERNAL and error.details() == "Internal error from Core"
    return masked or error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED}
