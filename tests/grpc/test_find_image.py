"""Whether a blob is an image's manifest, asked of a server."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from lamella.client import AsyncClient, Blob, Missing
from lamella.client.image import find_image
from lamella.layers import media_types
from lamella.model import Digest
from tests.grpc.process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

KIB = 1 << 10


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("data")) as server:
        yield server.address


async def test_a_layer_is_not_fetched_to_find_out_that_it_is_none(address: str) -> None:
    blob = Blob.of_bytes(b"layer" + os.urandom(100 * KIB))
    async with AsyncClient(address) as client:
        await client.upload([blob])
        assert await find_image(client, blob.digest) is None
        assert client.traffic.received < 10 * KIB


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b" " * 100 + b"{}", b"[]", b'{"mediaType": "text/plain"}'])
async def test_what_only_looks_like_a_manifest_is_none(address: str, content: bytes) -> None:
    blob = Blob.of_bytes(content)
    async with AsyncClient(address) as client:
        await client.upload([blob])
        assert await find_image(client, blob.digest) is None


@pytest.mark.parametrize("space", [b"", b"\n  ", b" " * 100])
async def test_a_manifest_is_found_whatever_space_is_before_it(address: str, space: bytes) -> None:
    config = Blob.of_bytes(b'{"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}')
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.MANIFEST,
        "config": {"mediaType": media_types.CONFIG, "digest": str(config.digest), "size": config.size},
        "layers": [],
    }
    manifest = Blob.of_bytes(space + json.dumps(document).encode())
    async with AsyncClient(address) as client:
        await client.upload([config, manifest])
        image = await find_image(client, manifest.digest)
    assert image is not None
    assert image.manifest.digest == manifest.digest


async def test_a_blob_that_is_not_there_is_missing(address: str) -> None:
    async with AsyncClient(address) as client:
        with pytest.raises(Missing):
            await find_image(client, Digest.of(b"never uploaded"))
