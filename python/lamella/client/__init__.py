"""The Python client library: ``AsyncClient`` for asyncio, ``Client`` for all other code."""

from lamella.client.address import DEFAULT_ADDRESS, SERVER_VARIABLE
from lamella.client.asynchronous import AsyncClient
from lamella.client.blob import Blob
from lamella.client.chunk_cache import ChunkCache
from lamella.client.connection import Traffic
from lamella.client.errors import (
    ClientError,
    Denied,
    Missing,
    NotReady,
    Refused,
    ServerFailed,
    ServerUnreachable,
    Timeout,
    Unsupported,
)
from lamella.client.report import Capabilities, StatsRow
from lamella.client.store_usage import PlaceRow, ProjectRow, StoreUsage, Where
from lamella.client.synchronous import Client
from lamella.model import GroupBy

__all__ = [
    "DEFAULT_ADDRESS",
    "SERVER_VARIABLE",
    "AsyncClient",
    "Blob",
    "Capabilities",
    "ChunkCache",
    "Client",
    "ClientError",
    "Denied",
    "GroupBy",
    "Missing",
    "NotReady",
    "PlaceRow",
    "ProjectRow",
    "Refused",
    "ServerFailed",
    "ServerUnreachable",
    "StatsRow",
    "StoreUsage",
    "Timeout",
    "Traffic",
    "Unsupported",
    "Where",
]
