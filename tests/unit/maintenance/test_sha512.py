"""What is named by its SHA-512 is kept as what is named by its digest."""

from __future__ import annotations

import json

import pytest

from lamella.layers.media_types import CONFIG, INDEX, MANIFEST
from lamella.maintenance.plan import Why
from lamella.maintenance.policy import GRACE
from lamella.model import MEDIA_TYPE_LAYER, Digest, Sha512
from lamella.registry.names import Repository, Tag
from tests.unit.maintenance.farm import DAY, Farm

REPOSITORY = Repository("app")
LAYER = bytes(5000)


async def store(farm: Farm, data: bytes, media_type: str) -> dict[str, object]:
    """Store a blob and describe it by its SHA-512."""
    await farm.registry.blobs.accept(REPOSITORY, Sha512.of(data), await farm.blob(data))
    return {"mediaType": media_type, "digest": str(Sha512.of(data)), "size": len(data)}


@pytest.fixture
async def everything(farm: Farm) -> list[Digest]:
    """An index, tagged ``app:latest``, of an image with a signature; all that names another does so by SHA-512."""
    config, layer = await store(farm, b"{}", CONFIG), await store(farm, LAYER, MEDIA_TYPE_LAYER)
    image = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}).encode()
    child = await farm.registry.manifests.put(REPOSITORY, Sha512.of(image), image)
    described = {"mediaType": MANIFEST, "digest": str(Sha512.of(image)), "size": len(image)}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [described]}).encode()
    bundle = await farm.registry.manifests.put(REPOSITORY, Tag("latest"), index)
    content = await farm.blob(b"signature")
    signature = await farm.image("app", content, subject=Sha512.of(image))
    return [Digest.of(b"{}"), Digest.of(LAYER), child.digest, bundle.digest, content, signature]


async def test_all_that_an_image_names_lives_with_it(farm: Farm, everything: list[Digest]) -> None:
    for _ in range(3):
        farm.now += 20 * DAY
        await farm.pull("app:latest")
        assert (await farm.collect(max_age=30 * DAY)).goes == []
    assert all(await farm.has(*everything))
    farm.now += 31 * DAY
    report = await farm.collect(max_age=30 * DAY)
    assert {verdict.why for verdict in report.goes} == {Why.AGE, Why.SUBJECT}
    assert not any(await farm.has(*everything))
    assert farm.tables.sha512_names.of(Digest.of(LAYER)) is None


async def test_a_referrer_goes_when_its_subject_is_long_gone(farm: Farm, everything: list[Digest]) -> None:
    *_, child, bundle, _, signature = everything
    for digest in (bundle, child):
        await farm.tables.manifests.remove("app", digest)
    farm.now += GRACE + 1
    report = await farm.collect()
    assert [(verdict.why, verdict.unit.digest) for verdict in report.goes] == [(Why.SUBJECT, signature)]
    assert "sha512:" in report.goes[0].detail
