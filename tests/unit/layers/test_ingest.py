import asyncio
import gzip
import io
import tarfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zstandard

from lamella.errors import Invalid, NotFound
from lamella.index import LayerRecord
from lamella.layers import ingest
from lamella.layers.ingest import MAX_SCANS, LayerVerifier
from lamella.model import (
    MEDIA_TYPE_LAYER,
    MEDIA_TYPE_LAYER_GZIP,
    MEDIA_TYPE_LAYER_ZSTD,
    Descriptor,
    Digest,
    Layer,
)
from lamella.store.local import LocalStore


def make_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        entry = tarfile.TarInfo("etc/motd")
        entry.size = 6000
        tar.addfile(entry, io.BytesIO(bytes(range(250)) * 24))
    return file.getvalue()


TAR = make_tar()
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0" + b"note"
STORED = {
    MEDIA_TYPE_LAYER: TAR,
    MEDIA_TYPE_LAYER_GZIP: gzip.compress(TAR),
    MEDIA_TYPE_LAYER_ZSTD: zstandard.compress(TAR),
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    async with LocalStore(tmp_path / "data") as opened:
        yield opened


async def put(store: LocalStore, data: bytes) -> None:
    async with store.writer() as writer:
        await writer.write(data)
        await writer.commit()


def layer(data: bytes, media_type: str, diff_id: Digest | None = None) -> Layer:
    return Layer(Descriptor(Digest.of(data), len(data), media_type), diff_id or Digest.of(TAR))


def verifier(store: LocalStore) -> LayerVerifier:
    return LayerVerifier(store, store, store.layers)


@pytest.mark.parametrize("media_type", STORED)
async def test_a_layer_that_is_what_it_says_is_accepted_and_then_known(store: LocalStore, media_type: str) -> None:
    data = STORED[media_type]
    await put(store, data)
    for _ in range(2):
        await verifier(store).check(layer(data, media_type))
    known = store.layers.get(Digest.of(data))
    assert (known.diff_id if known else None) == (None if data == TAR else Digest.of(TAR))


@pytest.mark.parametrize("media_type", STORED)
async def test_another_diff_id_is_refused(store: LocalStore, media_type: str) -> None:
    await put(store, STORED[media_type])
    with pytest.raises(Invalid, match="diff_id"):
        await verifier(store).check(layer(STORED[media_type], media_type, Digest.of(b"other")))


@pytest.mark.parametrize("announced", STORED)
@pytest.mark.parametrize("stored", STORED)
async def test_a_media_type_of_another_compression_is_refused(store: LocalStore, announced: str, stored: str) -> None:
    await put(store, STORED[stored])
    if announced == stored:
        return
    with pytest.raises(Invalid, match="media_type"):
        await verifier(store).check(layer(STORED[stored], announced))


async def test_zstd_that_begins_with_a_skippable_frame_is_zstd(store: LocalStore) -> None:
    data = SKIPPABLE + STORED[MEDIA_TYPE_LAYER_ZSTD]
    await put(store, data)
    await verifier(store).check(layer(data, MEDIA_TYPE_LAYER_ZSTD))
    with pytest.raises(Invalid, match="media_type"):
        await verifier(store).check(layer(data, MEDIA_TYPE_LAYER, Digest.of(data)))


async def test_what_is_no_layer_or_not_there_is_refused(store: LocalStore) -> None:
    data = gzip.compress(b"no tar at all" * 100)
    with pytest.raises(NotFound):
        await verifier(store).check(layer(data, MEDIA_TYPE_LAYER_GZIP))
    await put(store, data)
    with pytest.raises(Invalid, match="not a layer"):
        await verifier(store).check(layer(data, MEDIA_TYPE_LAYER_GZIP))
    wrong = layer(data, MEDIA_TYPE_LAYER_GZIP)
    with pytest.raises(Invalid, match="size_bytes"):
        await verifier(store).check(Layer(Descriptor(wrong.descriptor.digest, 1, MEDIA_TYPE_LAYER_GZIP), wrong.diff_id))


async def test_layers_whose_clients_have_left_are_read_in_their_turns_and_only_once(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ends a thread: with a turn for each call, calls with short deadlines would take all threads there are."""
    scanned: list[Path] = []
    ready = threading.Event()
    scan = ingest._scan

    def slowly(path: Path) -> LayerRecord:
        scanned.append(path)
        ready.wait()
        return scan(path)

    monkeypatch.setattr(ingest, "_scan", slowly)
    layers = [gzip.compress(TAR, mtime=mtime) for mtime in range(MAX_SCANS + 1)]
    checked = verifier(store)
    for data in layers:
        await put(store, data)
    try:
        for data in layers * 2:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(checked.check(layer(data, MEDIA_TYPE_LAYER_GZIP)), 0.05)
    finally:
        ready.set()
    assert len(scanned) == MAX_SCANS
    await asyncio.gather(*(checked.check(layer(data, MEDIA_TYPE_LAYER_GZIP)) for data in layers * 2))
    assert len(scanned) == len(layers)
