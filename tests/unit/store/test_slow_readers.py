"""Who finds out late that a blob was damaged does no harm to the same blob, uploaded again since."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from lamella.errors import Corrupted
from lamella.model import Digest
from lamella.store import BUFFER_SIZE, LocalStore, VerifyingStore
from tests.suites.blob_store import content, get, put
from tests.unit.store.layers import flip

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.store import BlobStore

SIZE = 6 * BUFFER_SIZE


def blob_file(folder: Path, digest: Digest) -> Path:
    return folder / "blobs" / "sha256" / digest.hex[:2] / digest.hex


async def read_slowly(store: BlobStore, digest: Digest, again: bytes) -> None:
    """Read a damaged blob while somebody else finds the damage, and a client uploads the blob again."""
    async with aclosing(store.open(digest)) as buffers:
        await anext(buffers)
        with pytest.raises(Corrupted):
            await get(store, digest)
        await put(store, again)
        with pytest.raises(Corrupted):
            async for _ in buffers:
                pass


@pytest.mark.parametrize("damage", ["cut off", "changed"])
async def test_a_blob_that_came_again_stays(store: LocalStore, folder: Path, damage: str) -> None:
    digest = await put(store, content(SIZE))
    path = blob_file(folder, digest)
    if damage == "changed":
        flip(path, SIZE - 1)
    else:
        path.chmod(0o600)
        path.write_bytes(content(SIZE)[:-1])
    await read_slowly(VerifyingStore(store, store.quarantine), digest, content(SIZE))
    assert await get(store, digest) == content(SIZE)


async def test_the_source_of_an_inflated_blob_that_came_again_stays(store: LocalStore, folder: Path) -> None:
    data = gzip.compress(content(SIZE), 1, mtime=0)
    source, digest = await put(store, data), Digest.of(content(SIZE))
    assert await asyncio.to_thread(store.examiner.examine, source)
    flip(blob_file(folder, source), len(data) - 5)
    await read_slowly(store, digest, data)
    assert await get(store, source) == data
