"""The file systems of stages, put together from layers when a step needs to look into one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from lamella import _core
from lamella.errors import DigestMismatch
from lamella.layers.tree import FileTree
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lamella._core import Entry
    from lamella.builder.layer_files import LayerFiles
    from lamella.model import Layer


class FileSystems:
    """Trees of stacks of layers; each owner (a stage, say) keeps one, which grows with its stack."""

    def __init__(self, files: LayerFiles) -> None:
        self._files = files
        self._kept: dict[object, tuple[tuple[Layer, ...], FileTree]] = {}
        self._locks: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def tree(self, owner: object, layers: tuple[Layer, ...]) -> FileTree:
        """Return what ``layers`` make, lowest first, with every file's content in a plain layer file.

        The tree stays as it is until the same owner asks for another stack.

        Raises:
            DigestMismatch: a layer does not have its diff_id.
            LayerError, TreeError: a layer is malformed.
            ClientError: a layer cannot be fetched.
        """
        async with self._locks[owner]:
            known, tree = self._kept.pop(owner, ((), FileTree()))
            if layers[: len(known)] != known:
                known, tree = (), FileTree()
            missing = layers[len(known) :]
            await self._files.fetch_all(missing)
            for layer in missing:
                path = await self._files.plain(layer)
                await asyncio.to_thread(tree.apply, _entries(path, layer.diff_id))
            self._kept[owner] = (layers, tree)
            return tree


def _entries(path: Path, diff_id: Digest) -> Iterator[Entry]:
    reader = _core.LayerReader(path)
    while batch := reader.next_batch():
        yield from batch
    if Digest(reader.diff_id) != diff_id:
        raise DigestMismatch(diff_id, Digest(reader.diff_id))
