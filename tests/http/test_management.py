"""Specification 1.1, "Content Management": deleting tags, manifests and blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.model import Digest
from tests.http.conftest import MANIFEST, image

if TYPE_CHECKING:
    from tests.http.conftest import Client

BLOB = b"a layer"
DIGEST = Digest.of(BLOB)


async def test_deleting_tags(registry: Client) -> None:
    """Deleting tags: 202, then 404; the manifest and its other tags stay."""
    digest = await registry.push_image("a", "v1", BLOB)
    await registry.push_manifest("a", image(BLOB), "v2")
    assert (await registry.ask("DELETE", "a/manifests/v1")).status == 202
    assert (await registry.ask("GET", "a/manifests/v1")).status == 404
    assert (await registry.ask("GET", "a/manifests/v2")).status == 200
    assert (await registry.ask("GET", f"a/manifests/{digest}")).status == 200
    assert (await registry.ask("GET", "a/tags/list")).json["tags"] == ["v2"]
    assert (await registry.ask("DELETE", "a/manifests/v1")).codes == ["MANIFEST_UNKNOWN"]


async def test_deleting_manifests(registry: Client) -> None:
    """Deleting Manifests: 202; then the digest "and any tag pointing to that digest will return a 404"."""
    digest = await registry.push_image("a", "v1", BLOB)
    await registry.push_manifest("a", image(BLOB), "v2")
    other = await registry.push_manifest("a", image(), "v3")
    await registry.push_manifest("b", image(BLOB), "v1")
    assert (await registry.ask("DELETE", f"a/manifests/{digest}")).status == 202
    for reference in ("v1", "v2", str(digest)):
        assert (await registry.ask("GET", f"a/manifests/{reference}")).status == 404
    assert (await registry.ask("GET", "a/tags/list")).json["tags"] == ["v3"]
    assert (await registry.ask("GET", f"a/manifests/{other}")).status == 200
    assert (await registry.ask("GET", "b/manifests/v1")).status == 200
    assert (await registry.ask("DELETE", f"a/manifests/{digest}")).codes == ["MANIFEST_UNKNOWN"]


async def test_a_moved_tag_is_not_deleted_with_the_manifest_before(registry: Client) -> None:
    first = await registry.push_image("a", "v1")
    await registry.push_image("a", "v1", BLOB)
    assert (await registry.ask("DELETE", f"a/manifests/{first}")).status == 202
    assert (await registry.ask("GET", "a/manifests/v1")).status == 200


async def test_deleting_from_an_unknown_repository_is_404(registry: Client) -> None:
    """Deleting Manifests: "If the repository does not exist, the response MUST return 404"."""
    assert (await registry.ask("DELETE", "a/manifests/v1")).codes == ["NAME_UNKNOWN"]
    assert (await registry.ask("DELETE", f"a/manifests/{DIGEST}")).codes == ["NAME_UNKNOWN"]


async def test_a_deleted_manifest_can_be_pushed_again(registry: Client) -> None:
    digest = await registry.push_image("a", "v1", BLOB)
    await registry.ask("DELETE", f"a/manifests/{digest}")
    await registry.push_manifest("a", image(BLOB), "v1")
    assert (await registry.ask("GET", "a/manifests/v1")).status == 200


async def test_deleting_blobs(registry: Client) -> None:
    """Deleting Blobs: 202, and 404 where it "is not found", such as the second time."""
    await registry.push_blob("a", BLOB)
    assert (await registry.ask("DELETE", f"a/blobs/{DIGEST}")).status == 202
    assert (await registry.ask("GET", f"a/blobs/{DIGEST}")).codes == ["BLOB_UNKNOWN"]
    assert (await registry.ask("HEAD", f"a/blobs/{DIGEST}")).status == 404
    assert (await registry.ask("DELETE", f"a/blobs/{DIGEST}")).codes == ["BLOB_UNKNOWN"]
    assert (await registry.ask("DELETE", f"a/blobs/{Digest.of(b'unknown')}")).status == 404


async def test_a_blob_deleted_from_one_repository_stays_in_others(registry: Client) -> None:
    """Two repositories that share a layer cannot break each other's images."""
    await registry.push_image("b", "v1", BLOB)
    await registry.push_image("a", "v1", BLOB)
    await registry.ask("DELETE", f"a/blobs/{DIGEST}")
    assert (await registry.ask("GET", f"b/blobs/{DIGEST}")).body == BLOB
    mounted = await registry.ask("POST", "c/blobs/uploads/", params={"mount": str(DIGEST), "from": "a"})
    assert mounted.status == 202


async def test_a_deleted_blob_must_be_pushed_or_mounted_before_it_is_referred_to(registry: Client) -> None:
    await registry.push_image("a", "v1", BLOB)
    for bring_back in ("push", "upload", "mount"):
        assert (await registry.ask("DELETE", f"a/blobs/{DIGEST}")).status == 202
        refused = await registry.ask("PUT", "a/manifests/v2", data=image(BLOB), headers={"Content-Type": MANIFEST})
        assert refused.codes == ["MANIFEST_BLOB_UNKNOWN"]
        if bring_back == "push":
            await registry.push_blob("a", BLOB)
        elif bring_back == "upload":
            location = await registry.begin("a")
            await registry.ask("PUT", location, params={"digest": str(DIGEST)}, data=BLOB)
        else:
            await registry.ask("POST", "a/blobs/uploads/", params={"mount": str(DIGEST)})
        await registry.push_manifest("a", image(BLOB), "v2")
