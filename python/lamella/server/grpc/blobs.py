"""Blobs by digest alone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from lamella._proto.lamella.v1 import blobs_pb2 as pb
from lamella._proto.lamella.v1.blobs_pb2_grpc import BlobsServicer
from lamella.errors import LimitExceeded, NotFound
from lamella.server.grpc.limits import MAX_DIGESTS
from lamella.wire.fields import parse_digest

if TYPE_CHECKING:
    from lamella.server.domain import Domain
    from lamella.server.grpc.caller import Context


PAGE: Final = 1000
"""Blobs that are looked up before other calls get their turn."""


class Blobs(BlobsServicer):
    """Describes what is in the store."""

    def __init__(self, domain: Domain) -> None:
        self._store = domain.store

    async def Stat(  # noqa: N802 - the name of the RPC
        self, request: pb.StatRequest, _context: Context
    ) -> pb.StatResponse:
        """Answer with the blobs that are there."""
        if len(request.digests) > MAX_DIGESTS:
            raise LimitExceeded("digests in one request", MAX_DIGESTS, len(request.digests))
        response = pb.StatResponse()
        for place, text in enumerate(request.digests):
            if place % PAGE == 0:
                await asyncio.sleep(0)
            with suppress(NotFound):
                info = await self._store.stat(parse_digest(text, f"digests[{place}]"))
                response.blobs.add(digest=str(info.digest), size_bytes=info.size)
        return response
