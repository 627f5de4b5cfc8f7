"""Specification 1.1, "Pushing Manifests", with and without a subject."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lamella.model import Digest
from lamella.registry.manifest import MAX_MANIFEST
from tests.http.conftest import CONFIG, INDEX, LAYER, MANIFEST, Answer, descriptor, image, index

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.http.conftest import Client

BLOB = b"a layer"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
BUILDKIT_CONFIG = "application/vnd.buildkit.cacheconfig.v0"


async def put(registry: Client, body: bytes, media_type: str = MANIFEST, reference: str = "v1") -> Answer:
    headers = {"Content-Type": media_type} if media_type else {}
    return await registry.ask("PUT", f"a/manifests/{reference}", data=body, headers=headers)


@pytest.fixture
async def stocked(registry: Client) -> Client:
    """A registry with a config and a layer."""
    for blob in (b"{}", BLOB):
        await registry.push_blob("a", blob)
    return registry


@pytest.mark.parametrize("by_tag", [True, False])
async def test_a_manifest_is_stored_as_it_is(stocked: Client, by_tag: bool) -> None:
    """Pushing Manifests: 201, a pullable Location, Docker-Content-Digest; "the exact byte representation"."""
    body = b" \n" + image(BLOB) + b"\n\n"
    digest = Digest.of(body)
    answer = await put(stocked, body, reference="v1" if by_tag else str(digest))
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, str(digest))
    assert "OCI-Subject" not in answer.headers
    pulled = await stocked.ask("GET", answer.headers["Location"])
    assert (pulled.body, pulled.headers["Content-Type"]) == (body, MANIFEST)
    assert (await stocked.ask("GET", "a/tags/list")).json["tags"] == (["v1"] if by_tag else [])


async def test_parameters_of_the_content_type_are_ignored(stocked: Client) -> None:
    """Pushing Manifests: "The registry SHOULD ignore parameters"; Pulling manifests: and SHOULD NOT send any."""
    assert (await put(stocked, image(BLOB), f"{MANIFEST}; charset=utf-8")).status == 201
    assert (await stocked.ask("HEAD", "a/manifests/v1")).headers["Content-Type"] == MANIFEST


async def test_without_a_content_type_the_body_says_what_it_is(stocked: Client) -> None:
    """Pushing Manifests: clients SHOULD set the Content-Type; those that do not are understood all the same."""
    for body, expected in ((image(BLOB), MANIFEST), (index(), INDEX)):
        answer = await put(stocked, body, "application/octet-stream")
        assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])
        document = json.loads(body)
        del document["mediaType"]
        headers = {"Content-Type": ""}
        answer = await stocked.ask("PUT", "a/manifests/v1", data=json.dumps(document).encode(), headers=headers)
        assert answer.status == 201
        assert (await stocked.ask("HEAD", "a/manifests/v1")).headers["Content-Type"] == expected


async def test_a_tag_moves_and_the_manifest_before_stays(stocked: Client) -> None:
    first = await stocked.push_manifest("a", image(), "v1")
    second = await stocked.push_manifest("a", image(BLOB), "v1")
    assert (await stocked.ask("HEAD", "a/manifests/v1")).headers["Docker-Content-Digest"] == str(second)
    assert (await stocked.ask("HEAD", f"a/manifests/{first}")).status == 200


@pytest.mark.parametrize("reference", ["-x", ".x", "a" * 129, "a@b", "%20", "\u00e9"])
async def test_a_reference_must_be_a_tag_or_a_digest(stocked: Client, reference: str) -> None:
    """Pushing Manifests, Pulling manifests: "<reference> MUST be either a) a digest or b) a tag"."""
    answer = await put(stocked, image(BLOB), reference=reference)
    assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])


async def test_a_digest_in_the_path_must_be_that_of_the_bytes(stocked: Client) -> None:
    answer = await put(stocked, image(BLOB), reference=str(Digest.of(b"other")))
    assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])


async def test_references_to_missing_blobs_are_refused_one_by_one(registry: Client) -> None:
    """Push: a manifest refused for what it refers to "MUST result in one or more MANIFEST_BLOB_UNKNOWN errors"."""
    answer = await put(registry, image(BLOB))
    assert (answer.status, answer.codes) == (404, ["MANIFEST_BLOB_UNKNOWN"] * 2)
    named = {error["detail"]["digest"] for error in answer.json["errors"]}
    assert named == {str(Digest.of(BLOB)), str(Digest.of(b"{}"))}
    assert (await registry.ask("GET", "a/manifests/v1")).status == 404


async def test_a_reference_of_another_size_is_refused(stocked: Client) -> None:
    document = json.loads(image(BLOB))
    document["layers"][0]["size"] += 1
    answer = await put(stocked, json.dumps(document).encode())
    assert (answer.status, answer.codes) == (400, ["SIZE_INVALID"])
    assert answer.json["errors"][0]["detail"] == {"digest": str(Digest.of(BLOB))}


async def test_an_index_needs_its_manifests_in_the_same_repository(stocked: Client) -> None:
    body = image(BLOB)
    parent = index(descriptor(body, MANIFEST))
    for blob in (b"{}", BLOB):
        await stocked.push_blob("b", blob)
    await stocked.push_manifest("b", body)
    assert (await put(stocked, parent, INDEX)).codes == ["MANIFEST_BLOB_UNKNOWN"]
    await stocked.push_manifest("a", body)
    assert (await put(stocked, parent, INDEX)).status == 201


async def test_an_index_whose_children_are_blobs_is_a_cache_of_buildkit(stocked: Client) -> None:
    config = b'{"layers": [], "records": []}'
    await stocked.push_blob("a", config)
    body = index(descriptor(BLOB, LAYER), descriptor(config, BUILDKIT_CONFIG))
    assert (await put(stocked, body, INDEX)).status == 201
    assert (await stocked.ask("GET", "a/manifests/v1")).body == body


async def test_docker_schema_2(stocked: Client) -> None:
    manifest = json.loads(image(BLOB))
    manifest |= {"mediaType": DOCKER_MANIFEST, "layers": [descriptor(BLOB, DOCKER_LAYER)]}
    body = json.dumps(manifest).encode()
    assert (await put(stocked, body, DOCKER_MANIFEST)).status == 201
    parent = json.loads(index(descriptor(body, DOCKER_MANIFEST))) | {"mediaType": DOCKER_LIST}
    assert (await put(stocked, json.dumps(parent).encode(), DOCKER_LIST, "list")).status == 201
    assert (await stocked.ask("HEAD", "a/manifests/list")).headers["Content-Type"] == DOCKER_LIST


async def test_layers_that_are_fetched_elsewhere_need_not_be_there(stocked: Client) -> None:
    foreign = descriptor(b"a Windows base layer", DOCKER_FOREIGN_LAYER, urls=["https://example.invalid/layer"])
    document = json.loads(image(BLOB))
    document["layers"].append(foreign)
    assert (await put(stocked, json.dumps(document).encode())).status == 201


async def test_the_list_of_blobs_may_be_empty(stocked: Client) -> None:
    """Pushing Manifests: "the list of blobs MAY be empty"."""
    assert (await put(stocked, image())).status == 201
    assert (await put(stocked, index(), INDEX)).status == 201


def _with(**fields: Any) -> bytes:
    return json.dumps({**json.loads(image(BLOB)), **fields}).encode()


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", MANIFEST),
        (b"{", MANIFEST),
        (b"[]", MANIFEST),
        (b"null", MANIFEST),
        (b"{}", MANIFEST),
        (b"\xff\xfe", MANIFEST),
        (b"[" * 100_000, MANIFEST),
        (b'{"annotations":' * 100_000, MANIFEST),
        (image(BLOB), INDEX),
        (image(BLOB), "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (image(BLOB), CONFIG),
        (_with(schemaVersion=1), MANIFEST),
        (_with(mediaType="text/plain"), "text/plain"),
        (_with(config=None), MANIFEST),
        (_with(manifests=[]), MANIFEST),
        (_with(layers=[{"mediaType": LAYER}]), MANIFEST),
        (_with(layers=[{"mediaType": LAYER, "size": 1, "digest": "sha256:x"}]), MANIFEST),
        (_with(layers=[{"mediaType": LAYER, "size": -1, "digest": str(Digest.of(BLOB))}]), MANIFEST),
        (_with(subject={"mediaType": MANIFEST, "size": 1, "digest": "../x"}), MANIFEST),
        (_with(annotations={"a": 1}), MANIFEST),
        (index(config=descriptor(b"{}", CONFIG)), INDEX),
        (index(layers=[]), INDEX),
    ],
)
async def test_what_is_no_manifest_is_refused(stocked: Client, body: bytes, media_type: str) -> None:
    answer = await put(stocked, body, media_type)
    assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])
    assert (await stocked.ask("GET", "a/manifests/v1")).status == 404


async def test_a_key_that_comes_twice_counts_as_its_last(stocked: Client) -> None:
    """As Go's decoder, and so nearly every client, reads it: nobody sees another image than was checked."""
    missing = json.dumps([descriptor(b"not pushed")]).encode()
    there = json.dumps([descriptor(BLOB)]).encode()
    for first, last, status in ((missing, there, 201), (there, missing, 404)):
        body = image()[:-1] + b', "layers": ' + first + b', "layers": ' + last + b"}"
        assert (await put(stocked, body)).status == status


@pytest.mark.parametrize("announced", [True, False])
async def test_a_manifest_over_the_limit_is_413(stocked: Client, announced: bool) -> None:
    """Pushing Manifests: "SHOULD respond ... with a response code 413 Payload Too Large"."""

    async def stream() -> AsyncIterator[bytes]:
        yield b" " * (MAX_MANIFEST + 1)

    body: Any = b" " * (MAX_MANIFEST + 1) if announced else stream()
    answer = await stocked.ask("PUT", "a/manifests/v1", data=body, headers={"Content-Type": MANIFEST})
    assert (answer.status, answer.codes) == (413, ["SIZE_INVALID"])


async def test_a_manifest_of_four_megabytes_is_taken(stocked: Client) -> None:
    """Pushing Manifests: "SHOULD expect to be able to support manifest pushes of at least 4 megabytes"."""
    body = image(BLOB)
    body += b" " * (MAX_MANIFEST - len(body))
    assert (await put(stocked, body)).status == 201
    assert (await stocked.ask("GET", "a/manifests/v1")).body == body


async def test_too_many_references_are_413(stocked: Client) -> None:
    body = json.dumps({"schemaVersion": 2, "manifests": [descriptor(BLOB)] * 10_001}).encode()
    answer = await put(stocked, body, INDEX)
    assert (answer.status, answer.codes) == (413, ["SIZE_INVALID"])


@pytest.mark.parametrize("exists", [True, False])
async def test_a_subject_need_not_exist_and_is_acknowledged(stocked: Client, exists: bool) -> None:
    """Pushing Manifests with Subject: MUST be accepted in either order; MUST answer OCI-Subject."""
    subject = image()
    if exists:
        await stocked.push_manifest("a", subject)
    for body, media_type in (
        (image(BLOB, subject=descriptor(subject, MANIFEST)), MANIFEST),
        (index(subject=descriptor(subject, MANIFEST)), INDEX),
    ):
        answer = await put(stocked, body, media_type, str(Digest.of(body)))
        assert (answer.status, answer.headers["OCI-Subject"]) == (201, str(Digest.of(subject)))
