"""Layers that are worth compacting, and where a store has the bytes of blobs."""

from __future__ import annotations

import asyncio
import io
import random
import tarfile
from typing import TYPE_CHECKING

from lamella.index import Place
from tests.suites.blob_store import get, put

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lamella.model import Digest
    from lamella.store import LocalStore


def text(seed: object, size: int) -> bytes:
    """Return bytes that compress about as well as source code does."""
    rng = random.Random(f"{seed}")
    words = [rng.randbytes(rng.randrange(2, 9)).hex().encode() for _ in range(300)]
    return b" ".join(rng.choices(words, k=size // 5))[:size]


def layer(release: int = 0, files: int = 30, mtime: int = 0) -> bytes:
    """Return a tar of which each release changes one file in ten, and all times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(files):
            version = release if number % 10 == 0 else 0
            content = text((number, version), random.Random(number).choice([0, 100, 3000, 40_000, 200_000]))
            entry = tarfile.TarInfo(f"usr/lib/package/module_{number}.py")
            entry.size, entry.mtime = len(content), 1_700_000_000 + mtime + release
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


async def put_cold(store: LocalStore, data: bytes) -> Digest:
    """Store a blob and turn it cold."""
    digest = await put(store, data)
    outcome = store.compactor.compact(digest)
    assert outcome is not None
    assert outcome.kept is None
    return digest


async def assert_shared(store: LocalStore, layers: Sequence[bytes]) -> None:
    """Expect that two compressed releases turn cold, share their files, and are read as they were, ranges as well."""
    digests = [await put(store, layer) for layer in layers]
    outcomes = [await asyncio.to_thread(store.compactor.compact, digest) for digest in digests]
    assert [outcome.kept if outcome else "gone" for outcome in outcomes] == [None, None]
    assert outcomes[1] is not None
    assert outcomes[1].stored < len(layers[1]) / 5
    for digest, data in zip(digests, layers, strict=True):
        assert place_of(store, digest) is Place.RECIPE
        assert await get(store, digest) == data
        middle = len(data) // 2
        assert await get(store, digest, middle, 1000) == data[middle : middle + 1000]
        assert await get(store, digest, len(data) - 10) == data[-10:]
        assert await get(store, digest, len(data)) == b""


def place_of(store: LocalStore, digest: Digest) -> Place | None:
    record = store.blobs.get(digest)
    return None if record is None else record.place


def blob_file(folder: Path, digest: Digest) -> Path:
    """Return where a hot blob's bytes are."""
    return folder / "blobs" / "sha256" / digest.hex[:2] / digest.hex


def flip(path: Path, offset: int) -> None:
    """Damage one byte of a file that nobody is to write to."""
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
