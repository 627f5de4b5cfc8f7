"""zstd layers that turn cold: their content is kept, and their exact bytes are made again."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import zstandard

from lamella._core import Reencoder
from tests.suites.blob_store import put
from tests.unit.store.layers import assert_shared
from tests.unit.store.test_gzip_cold import tar

if TYPE_CHECKING:
    from lamella.store.local import LocalStore

HEADER = b"\x28\xb5\x2f\xfd\x00\x68"
"""A frame of more than a block, without a checksum, as klauspost's library begins it at its default level."""


def compressed(content: bytes) -> bytes:
    """Return the zstd file that klauspost's library makes, without a checksum."""
    section = struct.pack(">BI", 0, len(HEADER)) + HEADER + struct.pack(">Q", len(content))
    reencoder = Reencoder("zstd-klauspost-1.17.8", b"\2" + section)
    return reencoder.write(content) + reencoder.finish()


async def test_releases_of_a_zstd_layer_share_their_files(store: LocalStore) -> None:
    layers = [compressed(tar(seed)) for seed in (1, 2)]
    await assert_shared(store, layers)


async def test_a_zstd_layer_of_another_encoder_stays_whole(store: LocalStore) -> None:
    digest = await put(store, zstandard.ZstdCompressor(level=3).compress(tar(1)))
    outcome = await asyncio.to_thread(store.compactor.compact, digest)
    assert outcome is not None
    assert outcome.kept == "compressed with zstd, by an encoder that is not known"
    assert store.whole.get(digest) == outcome.kept
