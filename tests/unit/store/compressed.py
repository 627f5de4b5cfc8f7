"""Compressed layers, stored in every way that there is."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Final

from lamella.index import Place
from lamella.model import Digest
from lamella.store.protocol import BlobInfo
from lamella.wire.zstd import zstd
from tests.suites.blob_store import put
from tests.unit.store.layers import layer
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from lamella.store import LocalStore

TAR: Final = layer(files=40)
SMALL_TAR: Final = layer(files=3)
EMPTY_TAR: Final = bytes(10_240)

DIFF_ID: Final = Digest.of(TAR)

FORMS: Final = {
    "gzip": Place.FILE,
    "gzip of two members": Place.FILE,
    "zstd": Place.FILE,
    "cold gzip": Place.RECIPE,
    "gzip in pieces": Place.RECIPE,
    "packed gzip": Place.PACKED,
    "gzip in the index": Place.INLINE,
}
"""Where the compressed bytes of each form are."""


def content_of(form: str) -> bytes:
    """Return what the layer of a form holds."""
    return {Place.PACKED: SMALL_TAR, Place.INLINE: EMPTY_TAR}.get(FORMS[form], TAR)


async def put_form(store: LocalStore, form: str) -> Digest:
    """Store a layer in one of the ``FORMS``."""
    content = content_of(form)
    if form == "zstd":
        return await put(store, zstd.compress(content))
    if form == "gzip of two members":
        return await put(store, gzip.compress(content[:100_000], mtime=0) + gzip.compress(content[100_000:], mtime=0))
    if form == "cold gzip":
        digest = await put(store, compressed(content, "go-1.26"))
        outcome = await asyncio.to_thread(store.compactor.compact, digest)
        assert outcome is not None
        assert outcome.kept is None
        return digest
    data = gzip.compress(content, mtime=0)
    if form == "gzip in pieces":
        pieces = [data[at : at + 50_000] for at in range(0, len(data), 50_000)]
        chunks = [BlobInfo(await put(store, piece), len(piece)) for piece in pieces]
        blob = BlobInfo(Digest.of(data), len(data))
        assert await store.chunk_lists.splice(blob, chunks)
        return blob.digest
    if form == "packed gzip":
        others = [bytes([number]) * 5000 for number in range(8)]
        assert not await store.write_many({Digest.of(blob): blob for blob in [data, *others]})
        return Digest.of(data)
    return await put(store, data)


async def examine(store: LocalStore, digest: Digest) -> bool:
    return await asyncio.to_thread(store.examiner.examine, digest)


async def put_hot(store: LocalStore) -> Digest:
    """Store a gzip layer, and look into it."""
    digest = await put_form(store, "gzip")
    assert await examine(store, digest)
    return digest
