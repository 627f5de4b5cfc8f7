"""The layers that a build has on this machine, fetched when they are first needed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from lamella import _core
from lamella.model import MEDIA_TYPE_LAYER

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from pathlib import Path

    from lamella.model import Digest, Layer

CONCURRENT_FETCHES = 4
"""How many layers are fetched at once."""


class LayerFiles:
    """Files of layers; ``fetch`` brings one that is not here into a file that is checked to hold it."""

    def __init__(self, folder: Path, fetch: Callable[[Layer], Coroutine[None, None, Path]]) -> None:
        self._folder = folder
        self._fetch = fetch
        self._stored: dict[Digest, asyncio.Future[Path]] = {}
        self._plain: dict[Digest, asyncio.Future[Path]] = {}
        self._slots = asyncio.Semaphore(CONCURRENT_FETCHES)

    def add(self, layer: Layer, path: Path) -> None:
        """Make a file known that has just been made, and holds ``layer``."""
        known: asyncio.Future[Path] = asyncio.get_running_loop().create_future()
        known.set_result(path)
        self._stored[layer.descriptor.digest] = known

    async def stored(self, layer: Layer) -> Path:
        """Return a file with the layer as it is stored, compressed or not; raises what ``fetch`` does."""
        return await _once(self._stored, layer.descriptor.digest, lambda: self._fetch_layer(layer))

    async def plain(self, layer: Layer) -> Path:
        """Return a file with the layer's uncompressed tar; raises as ``stored``.

        Raises:
            LayerError: the layer cannot be decompressed.
        """
        if layer.descriptor.media_type == MEDIA_TYPE_LAYER:
            return await self.stored(layer)
        return await _once(self._plain, layer.descriptor.digest, lambda: self._decompress(layer))

    async def fetch_all(self, layers: Iterable[Layer]) -> None:
        """Have layers here, fetched side by side; raises as ``stored``."""
        await asyncio.gather(*(self.stored(layer) for layer in layers))

    async def _fetch_layer(self, layer: Layer) -> Path:
        async with self._slots:
            return await self._fetch(layer)

    async def _decompress(self, layer: Layer) -> Path:
        path = self._folder / f"{layer.descriptor.digest.hex}.tar"
        await asyncio.to_thread(_core.decompress_layer, await self.stored(layer), path)
        return path


async def _once(
    known: dict[Digest, asyncio.Future[Path]], digest: Digest, start: Callable[[], Coroutine[None, None, Path]]
) -> Path:
    if digest not in known:
        known[digest] = task = asyncio.ensure_future(start())
        task.add_done_callback(partial(_forget_failed, known, digest))
    return await asyncio.shield(known[digest])


def _forget_failed(known: dict[Digest, asyncio.Future[Path]], digest: Digest, task: asyncio.Future[Path]) -> None:
    """Let the next who asks try again, unless the file was made meanwhile."""
    if (task.cancelled() or task.exception() is not None) and known.get(digest) is task:
        del known[digest]
