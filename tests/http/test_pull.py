"""Specification 1.1, "Pull": manifests, blobs, and whether they exist."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lamella.model import Digest
from tests.http.conftest import CONFIG, INDEX, MANIFEST, descriptor, image, index

if TYPE_CHECKING:
    from tests.http.conftest import Client

SMALL = b"small enough for the index"
LARGE = os.urandom(3 << 20)
UNKNOWN = Digest.of(b"nobody pushed this")


async def test_pulling_manifests_by_tag_and_by_digest(registry: Client) -> None:
    """Pulling manifests: 200 with the exact bytes; Content-Type as pushed; Docker-Content-Digest."""
    body = image(SMALL) + b"\n"
    await registry.push_blob("a/b", SMALL)
    await registry.push_blob("a/b", b"{}")
    digest = await registry.push_manifest("a/b", body, "v1")
    for reference in ("v1", str(digest)):
        answer = await registry.ask("GET", f"a/b/manifests/{reference}", headers={"Accept": MANIFEST})
        assert (answer.status, answer.body) == (200, body)
        assert answer.headers["Content-Type"] == MANIFEST
        assert answer.headers["Docker-Content-Digest"] == str(digest)


@pytest.mark.parametrize("accept", ["*/*", INDEX, "application/json", "application/vnd.docker.container.image.v1+json"])
async def test_pulling_manifests_whatever_type_is_accepted(registry: Client, accept: str) -> None:
    """Pulling manifests: the Accept header says what a client can read; no client is better off with an error."""
    await registry.push_image("a", "v1", SMALL)
    answer = await registry.ask("GET", "a/manifests/v1", headers={"Accept": accept})
    assert (answer.status, answer.headers["Content-Type"]) == (200, MANIFEST)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("reference", ["v2", str(UNKNOWN), ".INVALID_NAME", "a" * 129])
async def test_pulling_manifests_404_where_there_is_none(registry: Client, method: str, reference: str) -> None:
    """Pulling manifests: "If the manifest is not found in the repository, the response code MUST be 404"."""
    await registry.push_image("a", "v1", SMALL)
    answer = await registry.ask(method, f"a/manifests/{reference}")
    assert answer.status == 404
    if method == "GET":
        assert answer.codes == ["MANIFEST_UNKNOWN"]


async def test_pulling_from_a_nonexistent_repository_is_404(registry: Client) -> None:
    """Pushing Manifests: "An attempt to pull a nonexistent repository MUST return response code 404"."""
    digest = await registry.push_image("a", "v1", SMALL)
    for reference in ("v1", str(digest)):
        answer = await registry.ask("GET", f"b/manifests/{reference}")
        assert (answer.status, answer.codes) == (404, ["NAME_UNKNOWN"])


@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
async def test_pulling_blobs(registry: Client, data: bytes) -> None:
    """Pulling blobs: 200 with the blob; Docker-Content-Digest matches the body."""
    digest = await registry.push_blob("a", data)
    answer = await registry.ask("GET", f"a/blobs/{digest}")
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["Docker-Content-Digest"] == str(Digest.of(answer.body))
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_checking_if_content_exists(registry: Client) -> None:
    """Checking if content exists: HEAD is 200 with Docker-Content-Digest and Content-Length, or 404."""
    digest = await registry.push_image("a", "v1", LARGE)
    for path, size, named in (
        ("a/manifests/v1", len(image(LARGE)), digest),
        (f"a/manifests/{digest}", len(image(LARGE)), digest),
        (f"a/blobs/{Digest.of(LARGE)}", len(LARGE), Digest.of(LARGE)),
    ):
        answer = await registry.ask("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Length"] == str(size)
        assert answer.headers["Docker-Content-Digest"] == str(named)
    for path in ("a/manifests/none", f"a/manifests/{UNKNOWN}", f"a/blobs/{UNKNOWN}"):
        assert (await registry.ask("HEAD", path)).status == 404


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-4", 0, 5), ("5-", 5, None), ("-7", -7, None), ("3-999999999999", 3, None), ("0-0", 0, 1)],
)
async def test_range_requests(registry: Client, data: bytes, asked: str, start: int, stop: int | None) -> None:
    """Pulling blobs: "A registry SHOULD support the Range request header in accordance with RFC 9110"."""
    digest = await registry.push_blob("a", data)
    expected = data[start:stop]
    # 14.1: the unit's name has no case.
    unit = "bytes" if start else "Bytes"
    answer = await registry.ask("GET", f"a/blobs/{digest}", headers={"Range": f"{unit}={asked}"})
    first = start if start >= 0 else len(data) + start
    assert (answer.status, answer.body) == (206, expected)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(data)}"


@pytest.mark.parametrize("asked", ["bytes=26-", "bytes=999-1000", "bytes=-0", "bytes=3-1"])
async def test_a_range_outside_the_blob_is_416(registry: Client, asked: str) -> None:
    """Pulling blobs, RFC 9110, 15.5.17: the answer says how large the blob is. 14.2: one may end before it begins."""
    digest = await registry.push_blob("a", SMALL)
    answer = await registry.ask("GET", f"a/blobs/{digest}", headers={"Range": asked})
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(SMALL)}")


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=1-2,4-5", "lines=1-2", "bytes=a-b", "bytes=+1-2"])
async def test_what_is_no_single_range_is_ignored(registry: Client, asked: str) -> None:
    """RFC 9110, 14.2: a server may ignore the Range header; malformed ones have no meaning."""
    digest = await registry.push_blob("a", SMALL)
    answer = await registry.ask("GET", f"a/blobs/{digest}", headers={"Range": asked})
    assert (answer.status, answer.body) == (200, SMALL)


async def test_if_range_and_etag(registry: Client) -> None:
    """RFC 9110, 13.1.5: a range only counts while the client has a part of the same blob."""
    digest = await registry.push_blob("a", SMALL)
    etag = (await registry.ask("HEAD", f"a/blobs/{digest}")).headers["ETag"]
    for condition, status in ((etag, 206), ('"another"', 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)):
        headers = {"Range": "bytes=0-1", "If-Range": condition}
        assert (await registry.ask("GET", f"a/blobs/{digest}", headers=headers)).status == status


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", ["blob", "manifest"])
async def test_what_the_client_has_already_is_304(registry: Client, kind: str, method: str) -> None:
    """RFC 9110, 13.1.2: one tag, several, weak ones as a cache makes them, or any."""
    await registry.push_image("a", "v1", SMALL)
    path = "a/manifests/v1" if kind == "manifest" else f"a/blobs/{Digest.of(SMALL)}"
    etag = (await registry.ask("HEAD", path)).headers["ETag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await registry.ask(method, path, headers={"If-None-Match": condition})
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
    for condition in ('"other"', etag.strip('"'), f"{etag[:-1]}x{etag[-1]}", ""):
        assert (await registry.ask(method, path, headers={"If-None-Match": condition})).status == 200


async def test_a_layer_pushed_in_one_repository_is_there_in_all(registry: Client) -> None:
    """Pulling blobs: one registry, one store; what is in it need not be pushed again."""
    digest = await registry.push_blob("a", LARGE)
    assert (await registry.ask("HEAD", f"b/c/blobs/{digest}")).status == 200


async def test_a_manifest_whose_bytes_are_gone_is_unknown(registry: Client) -> None:
    digest = await registry.push_image("a", "v1", SMALL)
    await registry.store.delete(digest)
    for reference in ("v1", str(digest)):
        assert (await registry.ask("HEAD", f"a/manifests/{reference}")).status == 404


async def test_an_index_and_its_children_are_pulled_one_by_one(registry: Client) -> None:
    child = await registry.push_image("a", "", SMALL, config=b'{"os": "linux"}')
    body = image(SMALL, config=b'{"os": "linux"}')
    parent = index(descriptor(body, MANIFEST, platform={"os": "linux", "architecture": "arm64"}))
    await registry.push_manifest("a", parent, "v1", INDEX)
    answer = await registry.ask("GET", "a/manifests/v1")
    assert answer.headers["Content-Type"] == INDEX
    assert answer.json["manifests"][0]["digest"] == str(child)
    assert (await registry.ask("GET", f"a/manifests/{child}")).json["config"]["mediaType"] == CONFIG
