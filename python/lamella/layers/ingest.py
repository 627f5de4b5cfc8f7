"""Checking that a layer is what its descriptor says, before a result that others will trust refers to it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Protocol

from lamella._core import LayerError, LayerReader, detect_compression
from lamella.errors import Invalid
from lamella.index import LayerRecord
from lamella.model import Digest

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from lamella.index import Layers
    from lamella.model import Layer
    from lamella.store.protocol import BlobStore

MAX_SCANS: Final = 2
"""Layers that one process reads through at once: each keeps a core busy."""

_START: Final = 4
"""How many of a layer's first bytes tell how it is compressed."""


class BlobFiles(Protocol):
    """Gives native code a file to read."""

    def file(self, digest: Digest) -> AbstractAsyncContextManager[Path]:
        """Enter with the path of a file that holds a blob's bytes, good until exit; raises ``NotFound``."""


class LayerVerifier:
    """Implements ``steps.commit.LayerCheck``. Each compressed layer is read through once, and then known.

    That goes on where the caller is cancelled, since nothing ends a thread: it keeps its turn until it is done, and
    whoever asks again waits for it.
    """

    def __init__(self, store: BlobStore, files: BlobFiles, layers: Layers) -> None:
        self._store = store
        self._files = files
        self._layers = layers
        self._turns = asyncio.Semaphore(MAX_SCANS)
        self._scans: dict[Digest, asyncio.Task[Digest]] = {}

    async def check(self, layer: Layer) -> None:
        """Accept a layer whose size, media type and diff_id are those of a blob in the store.

        Raises:
            NotFound: its blob is not in the store.
            Invalid: one of them is not, or the blob is no layer; names the field.
        """
        descriptor = layer.descriptor
        size = (await self._store.stat(descriptor.digest)).size
        if size != descriptor.size:
            raise Invalid("result.layer.size_bytes", f"is {descriptor.size}, but {descriptor.digest} has {size}")
        compression = await self._compression(descriptor.digest)
        if compression != _announced(descriptor.media_type):
            raise Invalid(
                "result.layer.media_type", f"is {descriptor.media_type}, but the layer's compression is {compression}"
            )
        diff_id = descriptor.digest if compression == "none" else await self._diff_id(descriptor.digest)
        if diff_id != layer.diff_id:
            raise Invalid("result.layer.diff_id", f"is {layer.diff_id}, but that of {descriptor.digest} is {diff_id}")

    async def _compression(self, digest: Digest) -> str:
        """Return ``gzip``, ``zstd`` or ``none``."""
        async with aclosing(self._store.open(digest, 0, _START)) as buffers:
            return detect_compression(b"".join([bytes(buffer) async for buffer in buffers]))

    async def _diff_id(self, digest: Digest) -> Digest:
        if digest not in self._scans:
            if known := self._layers.get(digest):
                return known.diff_id
            await self._turns.acquire()
            if digest in self._scans:
                self._turns.release()
            else:
                self._begin(digest)
        return await asyncio.shield(self._scans[digest])

    def _begin(self, digest: Digest) -> None:
        """Read a layer through in a task of its own, which gives the turn back."""

        def end(_: object) -> None:
            del self._scans[digest]
            self._turns.release()

        scan = self._scans[digest] = asyncio.create_task(self._scan(digest))
        scan.add_done_callback(end)

    async def _scan(self, digest: Digest) -> Digest:
        if known := self._layers.get(digest):
            return known.diff_id
        async with self._files.file(digest) as path:
            try:
                record = await asyncio.to_thread(_scan, path)
            except LayerError as error:
                raise Invalid("result.layer.digest", f"{digest} is not a layer: {error}") from None
        await self._layers.put(digest, record)
        return record.diff_id


def _announced(media_type: str) -> str:
    """Return the compression that a media type names by its end, as OCI's and Docker's do."""
    return next((name for name in ("gzip", "zstd") if media_type.endswith(name)), "none")


def _scan(path: Path) -> LayerRecord:
    reader = LayerReader(path)
    while reader.next_batch():
        pass
    return LayerRecord(Digest(reader.diff_id), reader.tar_size)
