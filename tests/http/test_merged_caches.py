"""BuildKit caches that were exported to one tag answer together."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from lamella.index import MAX_EXPORTS, CacheExports, Counters, CounterTable
from lamella.model import Digest
from lamella.registry.buildkit_cache import MAX_SIZE
from tests.http.conftest import INDEX, MANIFEST, descriptor, image, index

if TYPE_CHECKING:
    from tests.http.conftest import Client

CONFIG = "application/vnd.buildkit.cacheconfig.v0"
TAG = "cache/app/manifests/main"
SHARED = b"a layer that every build has"


def key(name: str) -> str:
    return str(Digest.of(name.encode()))


def cache_config(name: str, padding: int = 0) -> bytes:
    """A cache of one shared step and one of its own; padding makes it larger."""
    blobs = [str(Digest.of(blob)) for blob in (SHARED, name.encode())]
    made = {"createdAt": "2026-08-17T17:56:17.020188114Z"}
    records: list[dict[str, Any]] = [
        {"digest": key("shared"), "layers": [{"layer": 0, **made}]},
        {"digest": key(name), "layers": [{"layer": 1, **made}], "inputs": [[{"link": 0}]]},
    ]
    records += [{"digest": key(f"{name} {number}"), "inputs": [[{"link": 0}]]} for number in range(padding)]
    return json.dumps(
        {"layers": [{"blob": blobs[0], "parent": -1}, {"blob": blobs[1], "parent": 0}], "records": records}
    ).encode()


def as_image(config: bytes, *layers: bytes) -> bytes:
    return image(*layers, config=config, config_type=CONFIG)


def as_index(config: bytes, *layers: bytes) -> bytes:
    return index(*map(descriptor, layers), descriptor(config, CONFIG))


async def export(registry: Client, name: str, *, indexed: bool = False, padding: int = 0, tag: str = "main") -> Digest:
    config = cache_config(name, padding)
    for blob in (SHARED, name.encode(), config):
        await registry.push_blob("cache/app", blob)
    body = (as_index if indexed else as_image)(config, SHARED, name.encode())
    return await registry.push_manifest("cache/app", body, tag, INDEX if indexed else MANIFEST)


async def imported(registry: Client, tag: str = "main") -> set[str]:
    """Import a cache as BuildKit does, fetch every layer it names, and return the names of the steps in it."""
    head = await registry.ask("HEAD", f"cache/app/manifests/{tag}")
    assert head.status == 200
    digest = head.headers["Docker-Content-Digest"]
    answer = await registry.ask("GET", f"cache/app/manifests/{digest}")
    assert (answer.status, str(Digest.of(answer.body))) == (200, digest)
    by_tag = await registry.ask("GET", f"cache/app/manifests/{tag}")
    assert (by_tag.body, by_tag.headers["Content-Type"]) == (answer.body, head.headers["Content-Type"])
    document = answer.json
    children = [document["config"], *document["layers"]] if "config" in document else document["manifests"]
    [config] = [child for child in children if child["mediaType"] == CONFIG]
    assert max(len(answer.body), config["size"]) <= MAX_SIZE
    for child in children:
        blob = await registry.ask("GET", f"cache/app/blobs/{child['digest']}")
        assert (blob.status, len(blob.body)) == (200, child["size"])
    read = (await registry.ask("GET", f"cache/app/blobs/{config['digest']}")).json
    assert {layer["blob"] for layer in read["layers"]} == {child["digest"] for child in children if child is not config}
    return {record["digest"] for record in read["records"]}


def keys(*names: str) -> set[str]:
    return {key(name) for name in ("shared", *names)}


@pytest.mark.parametrize("indexed", [False, True])
async def test_two_exports_to_a_tag_are_imported_together(registry: Client, indexed: bool) -> None:
    await export(registry, "one", indexed=indexed)
    await export(registry, "two", indexed=indexed)
    assert await imported(registry) == keys("one", "two")


@pytest.mark.parametrize("indexed", [False, True])
async def test_a_merge_has_the_form_of_the_newest_export(registry: Client, indexed: bool) -> None:
    await export(registry, "one", indexed=not indexed)
    await export(registry, "two", indexed=indexed)
    answer = await registry.ask("GET", TAG)
    assert answer.headers["Content-Type"] == (INDEX if indexed else MANIFEST)
    assert ("manifests" in answer.json) == indexed
    assert await imported(registry) == keys("one", "two")


async def test_one_export_is_answered_as_it_was_pushed(registry: Client) -> None:
    digest = await export(registry, "one")
    assert (await registry.ask("GET", TAG)).body == as_image(cache_config("one"), SHARED, b"one")
    assert (await registry.ask("HEAD", TAG)).headers["Docker-Content-Digest"] == str(digest)


async def test_a_digest_gives_the_exact_bytes_that_were_pushed(registry: Client) -> None:
    digests = [await export(registry, name) for name in ("one", "two")]
    await imported(registry)
    for name, digest in zip(("one", "two"), digests, strict=True):
        answer = await registry.ask("GET", f"cache/app/manifests/{digest}")
        assert answer.body == as_image(cache_config(name), SHARED, name.encode())


async def test_a_merge_stays_the_same_until_the_next_export(registry: Client) -> None:
    await export(registry, "one")
    await export(registry, "two")
    answers = await asyncio.gather(*(registry.ask("HEAD", TAG) for _ in range(20)))
    assert len({answer.headers["Docker-Content-Digest"] for answer in answers}) == 1
    await export(registry, "three")
    assert (await registry.ask("HEAD", TAG)).headers["Docker-Content-Digest"] not in {
        answer.headers["Docker-Content-Digest"] for answer in answers
    }
    assert await imported(registry) == keys("one", "two", "three")


async def test_exports_to_other_tags_are_not_merged(registry: Client) -> None:
    await export(registry, "one")
    await export(registry, "two", tag="other")
    assert await imported(registry) == keys("one")
    assert await imported(registry, "other") == keys("two")


@pytest.mark.parametrize("lost", ["one", "two"])
async def test_an_export_that_lost_a_layer_is_left_out(registry: Client, lost: str) -> None:
    await export(registry, "one")
    await export(registry, "two")
    await imported(registry)
    assert (await registry.ask("DELETE", f"cache/app/blobs/{Digest.of(lost.encode())}")).status == 202
    [left] = {"one", "two"} - {lost}
    assert await imported(registry) == keys(left)
    await export(registry, lost)
    assert await imported(registry) == keys("one", "two")


async def test_a_merge_outlives_the_configs_it_was_made_from(registry: Client) -> None:
    await export(registry, "one")
    await export(registry, "two")
    await imported(registry)
    await registry.store.delete(Digest.of(cache_config("one")))
    assert await imported(registry) == keys("one", "two")


async def test_a_merge_that_was_collected_is_made_again(registry: Client) -> None:
    await export(registry, "one")
    await export(registry, "two")
    before = await registry.ask("GET", TAG)
    for digest in (Digest.of(before.body), Digest.parse(before.json["config"]["digest"])):
        await registry.store.delete(digest)
    assert await imported(registry) == keys("one", "two")
    assert (await registry.ask("GET", TAG)).body == before.body


async def test_a_tag_whose_exports_all_lost_a_layer_is_not_found(registry: Client) -> None:
    await export(registry, "one")
    await export(registry, "two")
    await registry.ask("DELETE", f"cache/app/blobs/{Digest.of(SHARED)}")
    for method in ("HEAD", "GET"):
        assert (await registry.ask(method, TAG)).status == 404


async def test_the_oldest_exports_go_where_all_would_be_too_large(registry: Client) -> None:
    await export(registry, "old", padding=1)
    for name in ("one", "two", "three"):
        await export(registry, name, padding=4000)
    found = await imported(registry)
    assert keys("three", "two", "three 3999", "two 3999") <= found
    assert not found & {key("one"), key("old")}


async def test_only_so_many_exports_are_kept(registry: Client) -> None:
    names = [f"build {number}" for number in range(MAX_EXPORTS + 2)]
    for name in names:
        await export(registry, name)
    assert await imported(registry) == keys(*names[2:])


async def test_an_export_that_buildkit_would_refuse_is_answered_as_it_was_pushed(registry: Client) -> None:
    await export(registry, "one")
    config = b'{"records": [{"digest": "a", "inputs": [[{"link": 0}]]}]}'
    await registry.push_blob("cache/app", config)
    digest = await registry.push_manifest("cache/app", as_image(config), "main")
    assert Digest.of((await registry.ask("GET", TAG)).body) == digest
    await export(registry, "two")
    assert await imported(registry) == keys("one", "two")


async def test_merging_can_be_turned_off(registry: Client) -> None:
    exports = CacheExports(registry.store.index)
    await export(registry, "one")
    two = await export(registry, "two")
    for tag in ("main", ""):
        assert exports.merges("cache/app", "main")
        assert await imported(registry) == keys("one", "two")
        await exports.set_merges("cache/app", tag, merges=False)
        assert not exports.merges("cache/app", "main")
        assert (await registry.ask("HEAD", TAG)).headers["Docker-Content-Digest"] == str(two)
        assert await imported(registry) == keys("two")
        await exports.set_merges("cache/app", tag, merges=True)
    assert await imported(registry) == keys("one", "two")


async def test_a_tag_that_becomes_an_image_forgets_its_caches(registry: Client) -> None:
    await export(registry, "one")
    digest = await registry.push_image("cache/app", "main", b"layer")
    assert (await registry.ask("HEAD", TAG)).headers["Docker-Content-Digest"] == str(digest)
    await export(registry, "two")
    assert await imported(registry) == keys("two")


@pytest.mark.parametrize("by", ["tag", "merge", "newest"])
async def test_a_deleted_tag_forgets_its_caches(registry: Client, by: str) -> None:
    await export(registry, "one")
    newest = await export(registry, "two")
    merge = (await registry.ask("HEAD", TAG)).headers["Docker-Content-Digest"]
    reference = {"tag": "main", "merge": merge, "newest": str(newest)}[by]
    assert (await registry.ask("DELETE", f"cache/app/manifests/{reference}")).status == 202
    assert (await registry.ask("GET", TAG)).status == 404
    await export(registry, "three")
    assert await imported(registry) == keys("three")


async def test_a_deleted_export_is_left_out(registry: Client) -> None:
    one = await export(registry, "one")
    await export(registry, "two")
    assert await imported(registry) == keys("one", "two")
    assert (await registry.ask("DELETE", f"cache/app/manifests/{one}")).status == 202
    assert await imported(registry) == keys("two")


async def test_a_merge_that_was_replaced_takes_no_tag_with_it(registry: Client) -> None:
    await export(registry, "one")
    await export(registry, "two")
    merge = (await registry.ask("HEAD", TAG)).headers["Docker-Content-Digest"]
    await export(registry, "three")
    assert (await registry.ask("DELETE", f"cache/app/manifests/{merge}")).status == 202
    assert await imported(registry) == keys("one", "two", "three")


async def test_the_newest_export_answers_where_a_merge_cannot_be_stored(registry: Client) -> None:
    await export(registry, "one")
    two = await export(registry, "two")
    registry.store.index.health.fail("a test")
    assert (await registry.ask("HEAD", TAG)).headers["Docker-Content-Digest"] == str(two)


async def test_an_import_of_a_merge_counts_as_one_lookup(registry: Client) -> None:
    await export(registry, "one")
    await export(registry, "two")
    head = await registry.ask("HEAD", TAG)
    await registry.ask("GET", f"cache/app/manifests/{head.headers['Docker-Content-Digest']}")
    await registry.recorder.flush()
    counters = sum((counters for _, counters in CounterTable(registry.store.index).scan()), Counters())
    assert (counters.lookups, counters.hits, counters.misses) == (1, 1, 0)
