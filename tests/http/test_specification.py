"""Specification 1.1: what it asks for in passing, and choices that it leaves."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from lamella.model import Digest
from lamella.registry.names import MAX_NAME, MAX_TAG
from tests.http.conftest import INDEX, MANIFEST, descriptor, image, index

if TYPE_CHECKING:
    from tests.http.conftest import Client

DATA = b"a few bytes"
DIGEST = Digest.of(DATA)
UNKNOWN = Digest.of(b"unknown")
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"


@pytest.mark.parametrize(
    "name", ["a__b", "a--b", "a---b.c_d/e-f/0", "0", "uploads/blobs", "v2/manifests", "a" * MAX_NAME]
)
async def test_names_of_every_form(registry: Client, name: str) -> None:
    """Pulling manifests: separators of every kind, words of the API itself, and the longest names."""
    tags = ["0", "A.b-c_", "_", "x" * MAX_TAG]
    for tag in tags:
        digest = await registry.push_image(name, tag, DATA)
        assert (await registry.ask("GET", f"{name}/manifests/{tag}")).headers["Docker-Content-Digest"] == str(digest)
    assert (await registry.ask("GET", f"{name}/blobs/{DIGEST}")).body == DATA
    assert (await registry.ask("GET", f"{name}/tags/list")).json == {"name": name, "tags": tags}
    location = await registry.begin(name)
    assert (await registry.ask("DELETE", location)).status == 204


async def test_a_blob_that_is_not_there(registry: Client) -> None:
    """Pulling blobs: 404, in a repository that exists and in one that does not."""
    await registry.push_image("a", "v1")
    for repository in ("a", "b"):
        answer = await registry.ask("GET", f"{repository}/blobs/{UNKNOWN}")
        assert (answer.status, answer.codes) == (404, ["BLOB_UNKNOWN"])


async def test_each_upload_has_a_uuid(registry: Client) -> None:
    """POST then PUT: it is the end of the location, which is relative, and of a header that Docker's clients read."""
    sessions = set()
    for _ in range(20):
        answer = await registry.ask("POST", "a/blobs/uploads/")
        head, _, session = answer.headers["Location"].rpartition("/")
        assert (head, session) == ("/v2/a/blobs/uploads", answer.headers["Docker-Upload-UUID"])
        sessions.add(uuid.UUID(session))
    assert len(sessions) == 20


async def test_chunks_of_any_size(registry: Client) -> None:
    """Pushing a blob in chunks: the registry sets no least size, so it names none."""
    answer = await registry.ask("POST", "a/blobs/uploads/", headers={"Content-Length": "0"})
    assert "OCI-Chunk-Min-Length" not in answer.headers
    for position in range(len(DATA)):
        headers = {"Content-Range": f"{position}-{position}"}
        answer = await registry.ask(
            "PATCH", answer.headers["Location"], data=DATA[position : position + 1], headers=headers
        )
        assert (answer.status, answer.headers["Range"]) == (202, f"0-{position}")
    closed = await registry.ask("PUT", answer.headers["Location"], params={"digest": str(DIGEST)})
    assert closed.status == 201
    assert (await registry.ask("GET", closed.headers["Location"])).body == DATA


async def test_two_types_of_one_manifest(registry: Client) -> None:
    """Pushing Manifests: a manifest that says another type than its header is refused; clients would differ on it."""
    await registry.push_blob("a", b"{}")
    for body, sent in ((image(), INDEX), (index(), MANIFEST)):
        answer = await registry.ask("PUT", "a/manifests/v1", data=body, headers={"Content-Type": sent})
        assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])
    assert (await registry.ask("GET", "a/manifests/v1")).status == 404


async def test_referrers_of_another_repository(registry: Client) -> None:
    """Listing Referrers: a repository lists its own, whoever else has manifests of the same subject."""
    subject = descriptor(image(), MANIFEST)
    for repository in ("a", "b"):
        artifact = image(subject=subject, annotations={"of": repository})
        await registry.push_blob(repository, b"{}")
        await registry.push_manifest(repository, artifact)
        listed = await registry.ask("GET", f"{repository}/referrers/{subject['digest']}")
        assert [found["annotations"] for found in listed.json["manifests"]] == [{"of": repository}]


async def test_an_empty_artifact_type_is_none(registry: Client) -> None:
    """Listing Referrers: the empty text is as good as no ``artifactType``, in a manifest and in an index."""
    subject = descriptor(image(), MANIFEST)
    await registry.push_blob("a", b"{}")
    artifact = image(subject=subject, artifactType="", config_type=EMPTY_CONFIG)
    bundle = index(subject=subject, artifactType="")
    await registry.push_manifest("a", artifact)
    await registry.push_manifest("a", bundle, media_type=INDEX)
    listed = (await registry.ask("GET", f"a/referrers/{subject['digest']}")).json["manifests"]
    expected = [descriptor(artifact, MANIFEST, artifactType=EMPTY_CONFIG), descriptor(bundle, INDEX)]
    assert sorted(listed, key=str) == sorted(expected, key=str)


async def test_what_the_referrers_tag_lists_is_listed(registry: Client) -> None:
    """Enabling the Referrers API: what a client listed itself, as for an older registry, and what came later."""
    subject = descriptor(image(), MANIFEST)
    await registry.push_blob("a", b"{}")
    older, newer = (image(subject=subject, annotations={"age": age}) for age in ("older", "newer"))
    await registry.push_manifest("a", older)
    tag = subject["digest"].replace(":", "-")
    await registry.push_manifest("a", index(descriptor(older, MANIFEST)), tag, INDEX)
    await registry.push_manifest("a", newer)
    listed = (await registry.ask("GET", f"a/referrers/{subject['digest']}")).json["manifests"]
    assert {found["digest"] for found in listed} == {str(Digest.of(older)), str(Digest.of(newer))}


async def test_the_name_space_of_a_proxy_is_ignored(registry: Client) -> None:
    """Registry Proxying: ``ns`` changes nothing, and no ``OCI-Namespace`` claims that it did."""
    digest = await registry.push_image("a", "v1", DATA)
    for path in ("a/manifests/v1", f"a/manifests/{digest}", f"a/blobs/{DIGEST}", "a/tags/list"):
        plain = await registry.ask("GET", path)
        scoped = await registry.ask("GET", path, params={"ns": "docker.io"})
        assert (scoped.status, scoped.body) == (200, plain.body)
        assert "OCI-Namespace" not in scoped.headers


ENDPOINTS = {
    "/v2/": {"GET", "HEAD"},
    f"/v2/a/blobs/{DIGEST}": {"GET", "HEAD", "DELETE"},
    "/v2/a/manifests/v1": {"GET", "HEAD", "PUT", "DELETE"},
    "/v2/a/blobs/uploads/": {"POST"},
    f"/v2/a/blobs/uploads/{uuid.uuid4().hex}": {"GET", "PATCH", "PUT", "DELETE"},
    "/v2/a/tags/list": {"GET"},
    f"/v2/a/referrers/{DIGEST}": {"GET"},
}


@pytest.mark.parametrize("path", ENDPOINTS, ids=lambda path: path.rpartition("/")[0])
async def test_every_endpoint_refuses_other_methods(registry: Client, path: str) -> None:
    """Endpoints: 405, with the methods that there are."""
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - ENDPOINTS[path]:
        answer = await registry.ask(method, path)
        assert (answer.status, answer.codes) == (405, ["UNSUPPORTED"])
        assert set(answer.headers["Allow"].split(", ")) == ENDPOINTS[path]
    for method in ENDPOINTS[path]:
        assert (await registry.ask(method, path)).status != 405


async def test_no_answer_has_a_warning(registry: Client) -> None:
    """Warnings: none is sent, with success or with an error, so that none can have a wrong form or be too long."""
    await registry.push_image("a", "v1", DATA)
    for method, path in (
        ("GET", "a/manifests/v1"),
        ("GET", f"a/blobs/{DIGEST}"),
        ("GET", "a/tags/list"),
        ("PUT", "a/x"),
    ):
        assert "Warning" not in (await registry.ask(method, path)).headers
