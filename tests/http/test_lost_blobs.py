"""No manifest is answered with that names a blob the store has lost, so that clients push it again, or build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lamella.model import Digest
from lamella.registry import lost_blobs
from tests.http.conftest import INDEX, MANIFEST, descriptor, image, index

if TYPE_CHECKING:
    from tests.http.conftest import Client

KEPT, LOST = b"a layer that stays", b"a layer that is lost"
IMAGE = image(KEPT, LOST)


@pytest.fixture(params=[0, 50], ids=["read anew", "remembered"], autouse=True)
def kept_references(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_blobs, "KEPT_REFERENCES", request.param)


async def status(registry: Client, reference: object) -> int:
    answers = [await registry.ask(method, f"a/manifests/{reference}") for method in ("HEAD", "GET")]
    assert answers[0].status == answers[1].status
    return answers[1].status


async def lose(registry: Client, data: bytes) -> None:
    await registry.store.quarantine(Digest.of(data), "for a test")


async def test_an_image_is_unknown_until_what_it_lost_is_pushed_again(registry: Client) -> None:
    digest = await registry.push_image("a", "v1", KEPT, LOST)
    other = await registry.push_image("a", "v2", KEPT)
    assert await status(registry, "v1") == 200
    await lose(registry, LOST)
    assert [await status(registry, name) for name in ("v1", digest, "v2", other)] == [404, 404, 200, 200]
    answer = await registry.ask("GET", "a/manifests/v1")
    assert answer.codes == ["MANIFEST_UNKNOWN"]
    assert f"it has lost blob {Digest.of(LOST)}; push it again" in answer.body.decode()
    await registry.push_blob("a", LOST)
    assert [await status(registry, name) for name in ("v1", digest)] == [200, 200]


async def test_an_index_is_unknown_while_one_of_its_images_lacks_a_blob(registry: Client) -> None:
    await registry.push_image("a", "", KEPT, LOST)
    digest = await registry.push_manifest("a", index(descriptor(IMAGE, MANIFEST)), "all", INDEX)
    assert await status(registry, digest) == 200
    await lose(registry, LOST)
    assert await status(registry, digest) == 404


async def test_an_index_does_without_an_image_that_was_deleted(registry: Client) -> None:
    for layer in (KEPT, LOST):
        await registry.push_image("a", "", layer)
    images = [descriptor(image(layer), MANIFEST) for layer in (KEPT, LOST)]
    digest = await registry.push_manifest("a", index(*images), "all", INDEX)
    assert (await registry.ask("DELETE", f"a/manifests/{images[1]['digest']}")).status == 202
    await lose(registry, LOST)
    assert await status(registry, digest) == 200


async def test_what_manifests_name_is_remembered_of_the_last_ones_alone(
    registry: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_blobs, "KEPT_MANIFESTS", 1)
    for name, layer in (("v1", KEPT), ("v2", LOST)):
        await registry.push_image("a", name, layer)
    for _ in range(2):
        assert [await status(registry, name) for name in ("v1", "v2")] == [200, 200]
    await lose(registry, LOST)
    assert [await status(registry, name) for name in ("v1", "v2")] == [200, 404]
