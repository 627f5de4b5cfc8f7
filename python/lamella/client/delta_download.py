"""Downloads of what is new in a blob: SplitBlob tells its chunks, and those that are here need not come."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import TYPE_CHECKING, Final

from lamella import _core
from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as cas
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella.client.connection import CALL_SECONDS
from lamella.client.errors import Missing, Unsupported
from lamella.client.pieces import BATCH_PIECES, BATCH_SIZE, Piece, batches, cut_file, is_plain
from lamella.errors import DigestMismatch
from lamella.model import Digest
from lamella.wire.blob import BlobName, blob_from_message
from lamella.wire.zstd import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lamella.client.chunk_cache import ChunkCache, Segment
    from lamella.client.connection import Connection
    from lamella.client.download import Target

LEAST_HELD: Final = 0.1
"""The share of a blob's bytes that must be here; below it the whole comes faster."""

WINDOW_SIZE: Final = 16 << 20
"""The most bytes of a blob that are put together at once, of which at most a batch is asked for."""

CONCURRENT_BATCHES: Final = 3

SPLIT_RATE: Final = 20e6
"""Bytes a second that a busy server cuts at least, which decides how long it is waited for."""


async def download_delta(
    connection: Connection, blob: BlobName, target: Target, cache: ChunkCache, progress: Callable[[int], None]
) -> None:
    """Append a blob to ``target`` from chunks that are in ``cache`` and those that the server sends.

    Stops where it cannot go on, or the whole comes faster: whatever ``target`` has then are the blob's first bytes.

    Raises:
        ClientError: a call failed.
        DigestMismatch: the server sent another chunk than it was asked for.
        OSError: the target cannot be written.
    """
    pieces = await _pieces(connection, blob)
    known = await asyncio.to_thread(cache.known, {piece.digest for piece in pieces})
    held = sum(piece.size for piece in pieces if piece.digest in known)
    largest = max((piece.size for piece in pieces if piece.digest not in known), default=0)
    if held < LEAST_HELD * blob.size or largest > BATCH_SIZE:
        return
    fetches: deque[tuple[list[Piece], asyncio.Task[dict[Digest, bytes]]]] = deque()
    with cache.segment() as segment:
        join = _Join(connection, target, cache, segment)
        try:
            for window in _windows(pieces, known):
                wanted = [piece for piece in window if piece.digest not in known]
                fetches.append((window, asyncio.create_task(_fetch(connection, wanted))))
                if len(fetches) > CONCURRENT_BATCHES:
                    await join.append(*fetches.popleft(), progress)
            while fetches:
                await join.append(*fetches.popleft(), progress)
            await asyncio.to_thread(segment.commit)
        except Missing:
            return
        finally:
            for _, fetch in fetches:
                fetch.cancel()


def remember(path: Path, cache: ChunkCache) -> None:
    """Keep the chunks of a file that came whole, where it may have some in common with others; blocks.

    Raises:
        OSError: the file cannot be read.
    """
    if not is_plain(path):
        return
    _, pieces = cut_file(path)
    known = cache.known({piece.digest for piece in pieces})
    with path.open("rb", buffering=0) as file, cache.segment() as segment:
        for piece in pieces:
            if piece.digest not in known:
                segment.add(piece.digest, os.pread(file.fileno(), piece.size, piece.offset))
        segment.commit()


class _Join:
    """Puts windows together. ``connection.traffic`` learns what was here already."""

    def __init__(self, connection: Connection, target: Target, cache: ChunkCache, segment: Segment) -> None:
        self._connection = connection
        self._target = target
        self._cache = cache
        self._segment = segment

    async def append(
        self, window: list[Piece], fetch: asyncio.Task[dict[Digest, bytes]], progress: Callable[[int], None]
    ) -> None:
        fetched = await fetch
        here = await asyncio.to_thread(self._read, window, fetched)
        if lost := [piece for piece in window if piece.digest not in here and piece.digest not in fetched]:
            for batch in batches(lost):
                fetched |= await _fetch(self._connection, batch)
        await asyncio.to_thread(self._write, window, fetched, here)
        self._connection.traffic.saved += sum(piece.size for piece in window if piece.digest in here)
        progress(sum(piece.size for piece in window))

    def _read(self, window: Sequence[Piece], fetched: dict[Digest, bytes]) -> dict[Digest, bytes]:
        wanted = {piece.digest for piece in window} - fetched.keys()
        found = ((digest, self._cache.read(digest)) for digest in wanted)
        return {digest: data for digest, data in found if data is not None}

    def _write(self, window: Sequence[Piece], fetched: dict[Digest, bytes], here: dict[Digest, bytes]) -> None:
        for piece in window:
            data = here.get(piece.digest)
            if data is None:
                data = fetched[piece.digest]
                self._segment.add(piece.digest, data)
            self._target.append(data)


async def _pieces(connection: Connection, blob: BlobName) -> list[Piece]:
    """Ask which chunks a blob is made of; none where the server cannot tell, or tells of another blob."""
    request = cas.SplitBlobRequest(
        instance_name=connection.instance,
        blob_digest=blob.message,
        chunking_function=cas.ChunkingFunction.FAST_CDC_2020,
    )
    stub = ContentAddressableStorageStub(connection.channel)
    try:
        response = await connection.unary(stub.SplitBlob, request, CALL_SECONDS + blob.size / SPLIT_RATE)
    except (Missing, Unsupported):
        return []
    pieces, offset = [], 0
    for message in response.chunk_digests:
        named = blob_from_message(message, "chunk_digests")
        pieces.append(Piece(named.digest, offset, named.size))
        offset += named.size
    return pieces if offset == blob.size else []


def _windows(pieces: Sequence[Piece], known: set[Digest]) -> Iterator[list[Piece]]:
    """Yield the pieces in order, grouped so that what is missing of a group fits a batch."""
    window: list[Piece] = []
    size = missing = count = 0
    for piece in pieces:
        added = 0 if piece.digest in known else piece.size
        full = missing + added > BATCH_SIZE or count == BATCH_PIECES or size + piece.size > WINDOW_SIZE
        if window and full:
            yield window
            window, size, missing, count = [], 0, 0, 0
        window.append(piece)
        size, missing, count = size + piece.size, missing + added, count + (added > 0)
    if window:
        yield window


async def _fetch(connection: Connection, pieces: Sequence[Piece]) -> dict[Digest, bytes]:
    """Return chunks that are few enough for a batch.

    Raises:
        Missing: the server lost one meanwhile.
        DigestMismatch: it sent something else.
    """
    asked = {piece.digest: piece for piece in pieces}
    if not asked:
        return {}
    request = cas.BatchReadBlobsRequest(
        instance_name=connection.instance,
        digests=[BlobName(piece.digest, piece.size).message for piece in asked.values()],
        acceptable_compressors=[cas.Compressor.ZSTD],
    )
    stub = ContentAddressableStorageStub(connection.channel)
    response = await connection.unary(stub.BatchReadBlobs, request)
    if failed := [answer for answer in response.responses if answer.status.code]:
        raise Missing(connection.address, f"blob sha256:{failed[0].digest.hash}: {failed[0].status.message}")
    return await asyncio.to_thread(_checked, response, list(asked.values()))


def _checked(response: cas.BatchReadBlobsResponse, asked: Sequence[Piece]) -> dict[Digest, bytes]:
    """Take a response apart; every chunk is what it is called, and none is larger than it should be."""
    sizes = {piece.digest: piece.size for piece in asked}
    fetched: dict[Digest, bytes] = {}
    for answer in response.responses:
        digest = blob_from_message(answer.digest, "digest").digest
        data = answer.data
        if answer.compressor == cas.Compressor.ZSTD:
            data = _decompressed(data, sizes.get(digest, 0))
        if _core.sha256(data) != digest.raw:
            raise DigestMismatch(digest, Digest(_core.sha256(data)))
        fetched[digest] = data
    if missing := sizes.keys() - fetched.keys():
        raise DigestMismatch(min(missing), min(fetched, default=Digest.of(b"")))
    return fetched


def _decompressed(frame: bytes, size: int) -> bytes:
    """Return at most ``size`` bytes that a frame holds; what is damaged fails its digest."""
    try:
        return zstd.ZstdDecompressor().decompress(frame, size)
    except zstd.ZstdError:
        return b""
