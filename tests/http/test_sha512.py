"""Digests of the second algorithm that the OCI Image Specification registers ("Digests"): SHA-512."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from lamella.errors import NotFound
from lamella.index import Sha512Names
from lamella.model import EMPTY, Digest, Sha512
from tests.http.conftest import CONFIG, INDEX, LAYER, MANIFEST

if TYPE_CHECKING:
    from tests.http.conftest import Client

DATA = os.urandom(300_000)
NAME = Sha512.of(DATA)
UNKNOWN = Sha512.of(b"unknown")
SBOM = "application/vnd.example.sbom.v1"


def descriptor(data: bytes, media_type: str = LAYER) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Sha512.of(data)), "size": len(data)}


def image(*layers: bytes, **fields: Any) -> bytes:
    """An image manifest that names all by SHA-512."""
    config = descriptor(b"{}", CONFIG)
    described = [descriptor(layer) for layer in layers]
    return json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": described, **fields}
    ).encode()


async def push_blob(registry: Client, repository: str, data: bytes) -> None:
    params = {"digest": str(Sha512.of(data))}
    assert (await registry.ask("POST", f"{repository}/blobs/uploads/", params=params, data=data)).status == 201


async def push(registry: Client, body: bytes, reference: str = "", media_type: str = MANIFEST) -> dict[str, str]:
    path = f"a/manifests/{reference or Sha512.of(body)}"
    answer = await registry.ask("PUT", path, data=body, headers={"Content-Type": media_type})
    assert answer.status == 201, answer.body
    return dict(answer.headers)


async def test_a_blob_is_pushed_and_pulled_by_its_sha512(registry: Client) -> None:
    """POST then PUT, Single POST, Pulling blobs: Docker-Content-Digest and Location have the digest of the client."""
    location = await registry.begin("a")
    headers = {"Content-Range": "0-99999"}
    assert (await registry.ask("PATCH", location, data=DATA[:100_000], headers=headers)).status == 202
    put = await registry.ask("PUT", location, params={"digest": str(NAME)}, data=DATA[100_000:])
    post = await registry.ask("POST", "b/blobs/uploads/", params={"digest": str(NAME)}, data=DATA)
    for repository, pushed in (("a", put), ("b", post)):
        assert (pushed.status, pushed.headers["Docker-Content-Digest"]) == (201, str(NAME))
        assert pushed.headers["Location"] == f"/v2/{repository}/blobs/{NAME}"
        for method, body in (("GET", DATA), ("HEAD", b"")):
            pulled = await registry.ask(method, pushed.headers["Location"])
            assert (pulled.status, pulled.body, pulled.headers["Docker-Content-Digest"]) == (200, body, str(NAME))
    part = await registry.ask("GET", f"a/blobs/{NAME}", headers={"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, DATA[10:20])
    # It is one thing under either name.
    assert (await registry.ask("GET", f"a/blobs/{Digest.of(DATA)}")).body == DATA


@pytest.mark.parametrize("data", [DATA[:-1], b""], ids=["short", "empty"])
async def test_a_wrong_sha512_is_refused(registry: Client, data: bytes) -> None:
    """POST then PUT, Single POST: the digest must match the content, and names nothing where it does not."""
    params = {"digest": str(NAME)}
    single = await registry.ask("POST", "a/blobs/uploads/", params=params, data=data)
    assert (single.status, single.codes) == (400, ["DIGEST_INVALID"])
    put = await registry.ask("PUT", await registry.begin("a"), params=params, data=data)
    assert (put.status, put.codes) == (400, ["DIGEST_INVALID"])
    assert (await registry.ask("HEAD", f"a/blobs/{NAME}")).status == 404
    assert registry.partial_files() == []


async def test_what_nobody_pushed_is_unknown(registry: Client) -> None:
    """Pulling blobs, Pulling manifests, Deleting Blobs, Deleting Manifests: 404, whatever the digest's algorithm."""
    await registry.push_image("a", "v1")
    for method in ("GET", "HEAD", "DELETE"):
        assert (await registry.ask(method, f"a/blobs/{UNKNOWN}")).status == 404
        assert (await registry.ask(method, f"a/manifests/{UNKNOWN}")).status == 404
    blob = await registry.ask("GET", f"a/blobs/{UNKNOWN}")
    assert (blob.codes, blob.json["errors"][0]["detail"]) == (["BLOB_UNKNOWN"], {"digest": str(UNKNOWN)})
    assert (await registry.ask("GET", f"a/manifests/{UNKNOWN}")).codes == ["MANIFEST_UNKNOWN"]
    assert (await registry.ask("GET", f"b/manifests/{UNKNOWN}")).codes == ["NAME_UNKNOWN"]
    assert (await registry.ask("POST", "a/blobs/uploads/", params={"mount": str(UNKNOWN)})).status == 202


async def test_mounting_and_deleting(registry: Client) -> None:
    """Mounting a blob, Deleting Blobs: by SHA-512 as by SHA-256."""
    await push_blob(registry, "a", DATA)
    mounted = await registry.ask("POST", "b/blobs/uploads/", params={"mount": str(NAME), "from": "a"})
    assert (mounted.status, mounted.headers["Location"]) == (201, f"/v2/b/blobs/{NAME}")
    assert (await registry.ask("DELETE", f"b/blobs/{NAME}")).status == 202
    assert (await registry.ask("GET", f"b/blobs/{NAME}")).status == 404
    assert (await registry.ask("GET", f"b/blobs/{Digest.of(DATA)}")).status == 404
    assert (await registry.ask("GET", f"a/blobs/{NAME}")).status == 200


async def test_an_image_whose_digests_are_all_sha512(registry: Client) -> None:
    """Pushing Manifests, Pulling manifests, Deleting Manifests: index, manifest, config and layer by SHA-512."""
    body = image(DATA)
    refused = await registry.ask("PUT", f"a/manifests/{Sha512.of(body)}", data=body, headers={"Content-Type": MANIFEST})
    assert (refused.status, refused.codes) == (404, ["MANIFEST_BLOB_UNKNOWN"] * 2)
    named = [error["detail"]["digest"] for error in refused.json["errors"]]
    assert named == [str(Sha512.of(b"{}")), str(NAME)]
    for blob in (b"{}", DATA):
        await push_blob(registry, "a", blob)
    children = [descriptor(body, MANIFEST)]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).encode()
    for manifest, media_type in ((body, MANIFEST), (index, INDEX)):
        name = str(Sha512.of(manifest))
        headers = await push(registry, manifest, media_type=media_type)
        assert (headers["Docker-Content-Digest"], headers["Location"]) == (name, f"/v2/a/manifests/{name}")
        for method, expected in (("GET", manifest), ("HEAD", b"")):
            pulled = await registry.ask(method, headers["Location"])
            assert (pulled.status, pulled.body, pulled.headers["Docker-Content-Digest"]) == (200, expected, name)
            assert pulled.headers["Content-Type"] == media_type
    wrong = await registry.ask("PUT", f"a/manifests/{NAME}", data=body, headers={"Content-Type": MANIFEST})
    assert (wrong.status, wrong.codes) == (400, ["DIGEST_INVALID"])
    assert (await registry.ask("DELETE", f"a/manifests/{Sha512.of(index)}")).status == 202
    assert (await registry.ask("GET", f"a/manifests/{Sha512.of(index)}")).status == 404


async def test_bytes_that_stand_for_an_unknown_name_are_not_what_it_names(registry: Client) -> None:
    """Pushing Manifests: the layer is not there, whatever else is."""
    await push_blob(registry, "a", b"{}")
    stand_in = str(UNKNOWN).encode()
    assert Digest.of(stand_in) == UNKNOWN.stand_in
    await push_blob(registry, "a", stand_in)
    layer = descriptor(stand_in) | {"digest": str(UNKNOWN)}
    config = descriptor(b"{}", CONFIG)
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}).encode()
    refused = await registry.ask("PUT", "a/manifests/v1", data=body, headers={"Content-Type": MANIFEST})
    assert (refused.status, refused.codes) == (404, ["MANIFEST_BLOB_UNKNOWN"])
    assert refused.json["errors"][0]["detail"]["digest"] == str(UNKNOWN)


@pytest.mark.parametrize("subject_first", [True, False])
async def test_referrers_of_a_sha512(registry: Client, subject_first: bool) -> None:
    """Pushing Manifests with Subject, Listing Referrers: what names the subject by the digest that is asked for."""
    for blob in (b"{}", DATA):
        await push_blob(registry, "a", blob)
    subject = image(DATA)
    artifact = image(subject=descriptor(subject, MANIFEST), artifactType=SBOM)
    if subject_first:
        await push(registry, subject)
    headers = await push(registry, artifact, "sbom")
    assert headers["OCI-Subject"] == str(Sha512.of(subject))
    if not subject_first:
        await push(registry, subject)
    listed = await registry.ask("GET", f"a/referrers/{Sha512.of(subject)}")
    assert [found["digest"] for found in listed.json["manifests"]] == [str(Digest.of(artifact))]
    assert (await registry.ask("GET", f"a/referrers/{Digest.of(subject)}")).json["manifests"] == []
    assert (await registry.ask("DELETE", f"a/manifests/{Digest.of(artifact)}")).status == 202
    assert (await registry.ask("GET", f"a/referrers/{Sha512.of(subject)}")).json["manifests"] == []


async def test_a_name_goes_with_its_blob(registry: Client) -> None:
    await push_blob(registry, "a", DATA)
    names = Sha512Names(registry.store.index)
    assert (names.find(NAME), names.of(Digest.of(DATA))) == (Digest.of(DATA), NAME)
    await registry.store.delete(Digest.of(DATA))
    assert (names.find(NAME), names.of(Digest.of(DATA))) == (None, None)
    assert (await registry.ask("GET", f"a/blobs/{NAME}")).codes == ["BLOB_UNKNOWN"]
    with pytest.raises(NotFound):
        await names.add(NAME, Digest.of(DATA))
    assert names.find(NAME) is None
    await push_blob(registry, "a", b"")
    assert names.find(Sha512.of(b"")) == EMPTY
