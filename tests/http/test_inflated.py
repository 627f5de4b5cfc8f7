"""Layers that were pushed compressed, asked for by their diff_id (OCI Distribution Specification 1.1, "Pull")."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lamella.maintenance.diff_ids import DiffIdFinder
from lamella.model import MEDIA_TYPE_LAYER_GZIP, Digest
from tests.http.conftest import LAYER, descriptor, image
from tests.suites.blob_store import put
from tests.unit.store.compressed import FORMS, TAR, content_of, put_form

if TYPE_CHECKING:
    from tests.http.conftest import Client

DIFF_ID = Digest.of(TAR)


async def wait_for(registry: Client, path: str) -> None:
    """Wait until something is there."""
    async with asyncio.timeout(30):
        while (await registry.ask("HEAD", path)).status == 404:  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.02)


def inflating() -> int:
    """Return how many threads read and inflate layers."""
    names = [name.read_text() for name in Path("/proc/self/task").glob("*/comm")]
    return sum(name.startswith("lamella-read") for name in names)


@pytest.mark.parametrize("form", FORMS)
async def test_it_is_told_sent_and_sent_in_part(registry: Client, form: str) -> None:
    source, tar = await put_form(registry.store, form), content_of(form)
    await asyncio.to_thread(registry.store.examiner.examine, source)
    path = f"app/blobs/{Digest.of(tar)}"
    head = await registry.ask("HEAD", path)
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(tar)))
    assert head.headers["Docker-Content-Digest"] == str(Digest.of(tar))
    assert (await registry.ask("GET", path)).body == tar
    for span in ("bytes=5000-5999", "bytes=-100", "bytes=0-0", f"bytes={len(tar) // 2}-"):
        part = await registry.ask("GET", path, headers={"Range": span})
        first, last = span.removeprefix("bytes=").split("-")
        expected = tar[int(first) : int(last or len(tar)) + 1] if first else tar[-int(last) :]
        assert (part.status, part.body) == (206, expected)
    assert (await registry.ask("GET", path, headers={"Range": f"bytes={len(tar)}-"})).status == 416


async def test_a_manifest_makes_its_layers_known_and_another_names_them_plain(registry: Client) -> None:
    finder = DiffIdFinder(registry.store, 1.0)
    registry.accepted = finder.notice
    task = asyncio.create_task(finder.run())
    zipped = gzip.compress(TAR)
    for blob in (zipped, b"{}"):
        await registry.push_blob("app", blob)
    path = f"app/blobs/{DIFF_ID}"
    assert (await registry.ask("HEAD", path)).status == 404
    body = image(config=b"{}", layers=[descriptor(zipped, MEDIA_TYPE_LAYER_GZIP)])
    await registry.push_manifest("app", body, "zipped")
    await wait_for(registry, path)
    task.cancel()
    mounted = await registry.ask("POST", "other/blobs/uploads/", params={"mount": str(DIFF_ID), "from": "app"})
    assert mounted.status == 201
    await registry.push_blob("other", b"{}")
    await registry.push_manifest("other", image(TAR), "plain")
    assert (await registry.ask("GET", f"other/blobs/{DIFF_ID}")).body == TAR
    files = [file.name for file in registry.store.index.path.parent.glob("blobs/sha256/*/*")]
    assert files == [Digest.of(zipped).hex]


async def test_the_size_that_a_manifest_says_is_that_of_the_tar(registry: Client) -> None:
    source = await put_form(registry.store, "zstd")
    await asyncio.to_thread(registry.store.examiner.examine, source)
    await registry.push_blob("app", b"{}")
    wrong = {"mediaType": LAYER, "digest": str(DIFF_ID), "size": len(TAR) - 1}
    answer = await registry.ask("PUT", "app/manifests/one", data=image(layers=[wrong]))
    assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])


async def test_what_is_deleted_from_a_repository_is_hidden_there_and_its_source_is_not(registry: Client) -> None:
    source = await put_form(registry.store, "gzip")
    await asyncio.to_thread(registry.store.examiner.examine, source)
    assert (await registry.ask("DELETE", f"app/blobs/{DIFF_ID}")).status == 202
    assert (await registry.ask("HEAD", f"app/blobs/{DIFF_ID}")).status == 404
    assert (await registry.ask("HEAD", f"app/blobs/{source}")).status == 200
    assert (await registry.ask("HEAD", f"other/blobs/{DIFF_ID}")).status == 200


async def test_what_is_pushed_plain_is_not_stored_again(registry: Client) -> None:
    source = await put_form(registry.store, "gzip")
    await asyncio.to_thread(registry.store.examiner.examine, source)
    before = registry.store.blobs.page(None, 10)
    await registry.push_blob("app", TAR)
    after = registry.store.blobs.page(None, 10)
    assert [(record.digest, record.place) for record in after] == [(record.digest, record.place) for record in before]


async def test_a_client_that_goes_ends_the_inflating(registry: Client) -> None:
    large = bytes(64 << 20)
    source = await put(registry.store, gzip.compress(large, 1))
    await asyncio.to_thread(registry.store.examiner.examine, source)
    before = inflating()
    async with asyncio.timeout(60):
        async with registry.session.get(f"/v2/app/blobs/{Digest.of(large)}") as response:
            assert response.status == 200
            await response.content.readany()
            assert inflating() > before
            response.close()
        while inflating() > before:  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.02)
