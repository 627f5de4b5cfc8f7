"""Specification 1.1, "Content Discovery": tags and referrers; and the older catalog."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from lamella.index import INLINE_MAX
from lamella.model import Digest
from lamella.registry import listing
from tests.http.conftest import INDEX, MANIFEST, Answer, descriptor, image, index

if TYPE_CHECKING:
    from tests.http.conftest import Client

SBOM = "application/vnd.example.sbom.v1"
SIGNATURE = "application/vnd.example.signature.v1"
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"


def following(answer: Answer) -> str | None:
    """Return where the answer's Link header leads (RFC 8288)."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    found = re.fullmatch(r'<(/v2/[^>]+)>; rel="next"', link)
    assert found is not None
    return found[1]


async def pages(registry: Client, path: str, key: str) -> list[list[Any]]:
    found = []
    url: str | None = path
    while url is not None:
        answer = await registry.ask("GET", url)
        assert answer.status == 200
        found.append(answer.json[key])
        url = following(answer)
    return found


TAGS = ["1.0", "A", "Z-1", "_x", "a", "b", "latest"]


@pytest.fixture
async def tagged(registry: Client) -> Client:
    for tag in reversed(TAGS):
        await registry.push_image("a/b", tag)
    await registry.push_image("a/b-c", "other")
    return registry


async def test_listing_tags_in_order(tagged: Client) -> None:
    """Listing Tags: 200 and JSON with name and tags, which "MUST be in lexical order"."""
    answer = await tagged.ask("GET", "a/b/tags/list")
    assert (answer.status, answer.json) == (200, {"name": "a/b", "tags": TAGS})
    assert "Link" not in answer.headers


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 10**17])
async def test_listing_tags_n_at_a_time(tagged: Client, n: int) -> None:
    """Listing Tags: at most n of them, exactly n unless they are the last; a Link leads on."""
    found = await pages(tagged, f"a/b/tags/list?n={n}", "tags")
    assert found == [TAGS[start : start + n] for start in range(0, len(TAGS), n)]


async def test_listing_tags_n_0(tagged: Client) -> None:
    """Listing Tags: "When n is zero, this endpoint MUST return an empty list, and MUST NOT include a Link header"."""
    answer = await tagged.ask("GET", "a/b/tags/list?n=0")
    assert (answer.status, answer.json["tags"]) == (200, [])
    assert "Link" not in answer.headers


@pytest.mark.parametrize(("last", "expected"), [("a", TAGS[5:]), ("aa", TAGS[5:]), ("latest", []), ("0", TAGS)])
async def test_listing_tags_after_the_last(tagged: Client, last: str, expected: list[str]) -> None:
    """Listing Tags: what follows ``last``, which need not exist and is not in the list; n is optional."""
    assert (await tagged.ask("GET", f"a/b/tags/list?last={last}")).json["tags"] == expected
    assert (await tagged.ask("GET", f"a/b/tags/list?n=1&last={last}")).json["tags"] == expected[:1]


@pytest.mark.parametrize(
    "query", ["n=-1", "n=x", "n=1.5", "n=", "n=%D9%A1", f"n={'9' * 30}", f"last={'a' * 2000}", "last=%00"]
)
async def test_a_wrong_page_is_400(tagged: Client, query: str) -> None:
    assert (await tagged.ask("GET", f"a/b/tags/list?{query}")).status == 400


async def test_a_page_has_a_limit_of_its_own(tagged: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing Tags: fewer than n may come where a Link leads to the others."""
    monkeypatch.setattr(listing, "MAX_PAGE", 3)
    assert await pages(tagged, "a/b/tags/list", "tags") == [TAGS[:3], TAGS[3:6], TAGS[6:]]
    assert (await tagged.ask("GET", "a/b/tags/list?n=5")).json["tags"] == TAGS[:3]


async def test_tags_of_an_unknown_repository_are_404(tagged: Client) -> None:
    """Endpoints (end-8): 404."""
    assert (await tagged.ask("GET", "a/tags/list")).codes == ["NAME_UNKNOWN"]


async def test_a_repository_without_tags_has_an_empty_list(registry: Client) -> None:
    """Listing Tags: "if the repository exists", 200, and "the list of tags MAY be empty"."""
    await registry.push_image("a", "")
    assert (await registry.ask("GET", "a/tags/list")).json == {"name": "a", "tags": []}


async def test_the_catalog_lists_repositories(tagged: Client) -> None:
    await tagged.push_image("a", "v1")
    await tagged.push_blob("only/blobs", b"blob")
    assert await pages(tagged, "_catalog", "repositories") == [["a", "a/b", "a/b-c"]]
    assert await pages(tagged, "_catalog?n=2", "repositories") == [["a", "a/b"], ["a/b-c"]]
    assert (await tagged.ask("GET", "_catalog?last=a/b")).json == {"repositories": ["a/b-c"]}
    assert (await tagged.ask("GET", "_catalog?last=..")).codes == ["NAME_INVALID"]


async def test_the_catalog_of_an_empty_registry(registry: Client) -> None:
    assert (await registry.ask("GET", "_catalog")).json == {"repositories": []}


SUBJECT = image(annotations={"what": "the subject"})


async def push_referrers(registry: Client) -> dict[str, bytes]:
    """Push one referrer of each kind, one of them before its subject, and one of another subject."""
    await registry.push_blob("a", b"{}")
    subject = descriptor(SUBJECT, MANIFEST)
    bodies = {
        "own": image(subject=subject, artifactType=SBOM, annotations={"a": "1"}, config_type=EMPTY_CONFIG),
        "config": image(subject=subject, config_type=SIGNATURE),
        "index": index(subject=subject, annotations={"b": "2"}),
        "typed index": index(subject=subject, artifactType=SBOM),
        "other": image(subject=descriptor(image(), MANIFEST), artifactType=SBOM),
    }
    for number, (name, body) in enumerate(bodies.items()):
        await registry.push_manifest("a", body, media_type=INDEX if "index" in name else MANIFEST)
        if number == 0:
            await registry.push_manifest("a", SUBJECT, "v1")
    return bodies


async def test_listing_referrers(registry: Client) -> None:
    """Listing Referrers: 200, an image index; its descriptors say artifactType and all annotations."""
    bodies = await push_referrers(registry)
    answer = await registry.ask("GET", f"a/referrers/{Digest.of(SUBJECT)}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, INDEX)
    assert {key: value for key, value in answer.json.items() if key != "manifests"} == {
        "schemaVersion": 2,
        "mediaType": INDEX,
    }
    assert "OCI-Filters-Applied" not in answer.headers
    expected = [
        descriptor(bodies["own"], MANIFEST, artifactType=SBOM, annotations={"a": "1"}),
        descriptor(bodies["config"], MANIFEST, artifactType=SIGNATURE),
        descriptor(bodies["index"], INDEX, annotations={"b": "2"}),
        descriptor(bodies["typed index"], INDEX, artifactType=SBOM),
    ]
    assert answer.json["manifests"] == sorted(expected, key=lambda found: str(found["digest"]))


async def test_a_damaged_referrer_is_left_out(registry: Client) -> None:
    bodies = await push_referrers(registry)
    large = index(subject=descriptor(SUBJECT, MANIFEST), annotations={"large": "x" * 2 * INLINE_MAX})
    await registry.push_manifest("a", large, media_type=INDEX)
    [path] = (registry.store.index.path.parent / "blobs").rglob(Digest.of(large).hex)
    path.chmod(0o600)
    os.truncate(path, 100)
    answer = await registry.ask("GET", f"a/referrers/{Digest.of(SUBJECT)}")
    assert {item["digest"] for item in answer.json["manifests"]} == {
        str(Digest.of(body)) for name, body in bodies.items() if name != "other"
    }


async def test_listing_referrers_of_one_type(registry: Client) -> None:
    """Listing Referrers: "If filtering is requested and applied, the response MUST include OCI-Filters-Applied"."""
    bodies = await push_referrers(registry)
    answer = await registry.ask("GET", f"a/referrers/{Digest.of(SUBJECT)}", params={"artifactType": SBOM})
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    found = {item["digest"] for item in answer.json["manifests"]}
    assert found == {str(Digest.of(bodies[name])) for name in ("own", "typed index")}


@pytest.mark.parametrize("repository", ["a", "nobody/pushed/here"])
async def test_no_referrers_are_an_empty_index(registry: Client, repository: str) -> None:
    """Listing Referrers: an empty list, and never 404."""
    await push_referrers(registry)
    answer = await registry.ask("GET", f"{repository}/referrers/{Digest.of(b'unknown')}")
    assert (answer.status, answer.headers["Content-Type"], answer.json["manifests"]) == (200, INDEX, [])


@pytest.mark.parametrize("digest", ["v1", "sha256:x", "sha256:" + "A" * 64])
async def test_referrers_of_no_digest_are_400(registry: Client, digest: str) -> None:
    """Listing Referrers: "if the <digest> has an invalid syntax, the registry MUST respond with a 400"."""
    assert (await registry.ask("GET", f"a/referrers/{digest}")).status == 400


@pytest.mark.parametrize("limit", ["MAX_REFERRERS", "MAX_REFERRERS_SIZE"])
async def test_referrers_come_in_pages(registry: Client, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Listing Referrers: a Link header "MUST be included in the response" where descriptors are left."""
    monkeypatch.setattr(listing, limit, 1)
    bodies = await push_referrers(registry)
    found = await pages(registry, f"a/referrers/{Digest.of(SUBJECT)}?artifactType={SBOM}", "manifests")
    assert len(found) == 4
    digests = [item["digest"] for page in found for item in page]
    assert digests == sorted(str(Digest.of(bodies[name])) for name in ("own", "typed index"))


async def test_a_deleted_manifest_refers_no_more(registry: Client) -> None:
    bodies = await push_referrers(registry)
    await registry.ask("DELETE", f"a/manifests/{Digest.of(bodies['own'])}")
    answer = await registry.ask("GET", f"a/referrers/{Digest.of(SUBJECT)}")
    assert str(Digest.of(bodies["own"])) not in {item["digest"] for item in answer.json["manifests"]}
    assert len(answer.json["manifests"]) == 3


async def test_referrers_outlive_their_subject(registry: Client) -> None:
    await push_referrers(registry)
    await registry.ask("DELETE", f"a/manifests/{Digest.of(SUBJECT)}")
    assert len((await registry.ask("GET", f"a/referrers/{Digest.of(SUBJECT)}")).json["manifests"]) == 4


async def test_the_fallback_tag_is_an_ordinary_tag(registry: Client) -> None:
    """Referrers Tag Schema: clients of older registries keep a list of their own under this tag."""
    await push_referrers(registry)
    tag = str(Digest.of(SUBJECT)).replace(":", "-")
    await registry.push_manifest("a", index(), tag, INDEX)
    assert (await registry.ask("GET", f"a/manifests/{tag}")).body == index()
