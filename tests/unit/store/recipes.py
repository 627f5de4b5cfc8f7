"""Blobs that reach a store as recipes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lamella._core import Chunker
from lamella.model import Digest
from lamella.store.protocol import BlobInfo

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from lamella.store import LocalStore
    from lamella.store.incoming import Incoming


def recipe_of(data: bytes, folder: Path) -> bytes:
    """Return the recipe of some bytes as this project cuts them."""
    path = folder / f"cut-{hashlib.sha256(data).hexdigest()}"
    path.write_bytes(data)
    chunker = Chunker(path)
    while chunker.next(1 << 20) is not None:
        pass
    path.unlink()
    return chunker.recipe()


def receive(store: LocalStore, data: bytes, folder: Path) -> AbstractAsyncContextManager[Incoming]:
    return store.receiver.receive(BlobInfo(Digest.of(data), len(data)), recipe_of(data, folder))


async def add_all(incoming: Incoming, data: bytes) -> None:
    """Add the chunks that are missing, a few at a time."""
    cut = {Digest(raw): data[offset : offset + size] for raw, offset, size in incoming.recipe.distinct()}
    names = [chunk.digest for chunk in incoming.wanted]
    for start in range(0, len(names), 3):
        await incoming.add({name: cut[name] for name in names[start : start + 3]})


async def put_as_recipe(store: LocalStore, data: bytes, folder: Path) -> Digest:
    async with receive(store, data, folder) as incoming:
        await add_all(incoming, data)
        await store.receiver.commit(incoming)
    return Digest.of(data)
