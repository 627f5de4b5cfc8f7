"""The gRPC server: every service on one port, with health and reflection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import grpc.aio
from grpc_health.v1 import health, health_pb2
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2_grpc as reapi_grpc
from lamella._proto.google.bytestream import bytestream_pb2
from lamella._proto.lamella.v1 import (
    blobs_pb2,
    blobs_pb2_grpc,
    delta_pb2,
    delta_pb2_grpc,
    stats_pb2,
    stats_pb2_grpc,
    step_cache_pb2,
    step_cache_pb2_grpc,
)
from lamella.errors import CannotServe
from lamella.server.grpc.action_cache import ActionCache
from lamella.server.grpc.blobs import Blobs
from lamella.server.grpc.byte_stream import ByteStream
from lamella.server.grpc.calls import Calls
from lamella.server.grpc.capabilities import Capabilities
from lamella.server.grpc.cas import ContentAddressableStorage
from lamella.server.grpc.delta import Delta
from lamella.server.grpc.interceptor import ErrorInterceptor
from lamella.server.grpc.limits import MAX_CALLS, MAX_MESSAGE, MAX_WAITING_CALLS
from lamella.server.grpc.quiet import hide_departed_clients
from lamella.server.grpc.stats import Stats
from lamella.server.grpc.step_cache import StepCache

if TYPE_CHECKING:
    from lamella.server.domain import Domain

SERVICES: Final = tuple(
    service.full_name
    for module in (step_cache_pb2, blobs_pb2, delta_pb2, stats_pb2, reapi, bytestream_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
)
"""Full names of the services that do the work, each with a health of its own."""

KEEPALIVE_SECONDS: Final = 20
"""How long a connection may be silent before the peer is asked for a sign of life, and how long it has to answer."""

PING_SECONDS: Final = 10
"""How often a client may ask for a sign of life; gRPC closes the connections of those that ask more often."""

NEVER: Final = 1e9
"""Seconds: longer than any grace."""


class GrpcDoor:
    """Made in a running event loop; serves from ``start`` to ``stop``."""

    def __init__(self, domain: Domain, *, share_port: bool = False) -> None:
        """``share_port``: other processes listen on the same port, and the kernel spreads connections over them."""
        hide_departed_clients()
        self._calls = Calls()
        self._server = grpc.aio.server(
            interceptors=[ErrorInterceptor(self._calls)],
            maximum_concurrent_rpcs=MAX_CALLS,
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE),
                ("grpc.max_send_message_length", MAX_MESSAGE),
                ("grpc.server.max_pending_requests", MAX_WAITING_CALLS),
                ("grpc.server.max_pending_requests_hard_limit", MAX_WAITING_CALLS),
                ("grpc.so_reuseport", int(share_port)),
                ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
                ("grpc.keepalive_timeout_ms", KEEPALIVE_SECONDS * 1000),
                ("grpc.http2.ping_timeout_ms", KEEPALIVE_SECONDS * 1000),
                ("grpc.http2.min_ping_interval_without_data_ms", PING_SECONDS * 1000),
            ],
        )
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined] # its stubs lack it
        add_HealthServicer_to_server(self._health, self._server)
        reapi_grpc.add_CapabilitiesServicer_to_server(Capabilities(), self._server)
        reapi_grpc.add_ContentAddressableStorageServicer_to_server(ContentAddressableStorage(domain), self._server)
        reapi_grpc.add_ActionCacheServicer_to_server(ActionCache(domain), self._server)
        step_cache_pb2_grpc.add_StepCacheServicer_to_server(StepCache(domain), self._server)
        blobs_pb2_grpc.add_BlobsServicer_to_server(Blobs(domain), self._server)
        delta_pb2_grpc.add_DeltaServicer_to_server(Delta(domain), self._server)
        stats_pb2_grpc.add_StatsServicer_to_server(Stats(domain), self._server)
        self._server.add_generic_rpc_handlers((ByteStream(domain).handler(),))
        reflection.enable_server_reflection([*SERVICES, "grpc.health.v1.Health", reflection.SERVICE_NAME], self._server)

    async def start(self, address: str) -> int:
        """Listen on ``host:port`` and return the port, which the kernel chooses for 0.

        Raises:
            CannotServe: the address cannot be listened on.
        """
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise CannotServe(address, str(error)) from None
        await self._server.start()
        return port

    async def set_serving(self, serving: bool) -> None:
        """Tell health checks whether to send work here."""
        statuses = health_pb2.HealthCheckResponse
        status = statuses.SERVING if serving else statuses.NOT_SERVING
        for service in ("", *SERVICES):
            await self._health.set(service, status)

    async def drain(self, grace: float) -> None:
        """Take no more calls, let those that run finish for ``grace`` seconds, then cut them off; so does a cancel."""
        await self._health.enter_graceful_shutdown()
        # gRPC would wait for health watches too, which never end; and must not be told to stop twice at a time.
        stopping = asyncio.create_task(self._server.stop(NEVER))
        idle = asyncio.create_task(self._calls.idle())
        try:
            await asyncio.wait({stopping, idle}, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        finally:
            idle.cancel()
            stopping.cancel()
            await asyncio.wait({stopping})
            await self._server.stop(None)
            await self._calls.idle()
