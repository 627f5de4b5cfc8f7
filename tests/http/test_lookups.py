"""Cache lookups told from pulls, and who they are counted for."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from lamella.index import INLINE_MAX, Counters, CounterTable
from lamella.model import Digest
from tests.http.conftest import INDEX, descriptor, image, index

if TYPE_CHECKING:
    from tests.http.conftest import Client

STEP_KEY = "0123456789abcdef" * 4
BUILDAH = {"User-Agent": "Buildah/1.28.2"}
BUILDKIT_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
LARGE = os.urandom(2 << 20)


async def counted(registry: Client, bytes_out: int = 0) -> dict[tuple[str, str, str], Counters]:
    """Return the counters by project, builder and instruction, once so many bytes were counted as sent.

    They are counted after the client has them.
    """
    table = CounterTable(registry.store.index)
    async with asyncio.timeout(10):
        while True:
            await registry.recorder.flush()
            rows = dict(table.scan())
            if sum(counters.bytes_out for counters in rows.values()) >= bytes_out:
                return {(key.project, key.builder, key.instruction): counters for key, counters in rows.items()}
            await asyncio.sleep(0.01)


async def test_to_get_a_step_key_is_a_lookup(registry: Client) -> None:
    """HEAD is not: go-containerregistry, which is in kaniko, asks so before it pushes what missed."""
    path = f"cache/app/manifests/{STEP_KEY}"
    for method in ("GET", "HEAD"):
        assert (await registry.ask(method, path, headers=BUILDAH)).status == 404
    await registry.push_image("cache/app", STEP_KEY)
    for method in ("GET", "HEAD", "GET"):
        assert (await registry.ask(method, path, headers=BUILDAH)).status == 200
    found = (await counted(registry))["default/cache/app", "buildah@127.0.0.1", "buildah"]
    assert (found.lookups, found.hits, found.misses) == (3, 2, 1)


async def test_a_manifest_whose_bytes_are_damaged_is_a_miss(registry: Client) -> None:
    digest = await registry.push_image("app", STEP_KEY, annotations={"large": "x" * 2 * INLINE_MAX})
    [path] = (registry.store.index.path.parent / "blobs").rglob(digest.hex)
    path.chmod(0o600)
    os.truncate(path, 100)
    assert (await registry.ask("GET", f"app/manifests/{STEP_KEY}", headers=BUILDAH)).status == 404
    found = (await counted(registry))["default/app", "buildah@127.0.0.1", "buildah"]
    assert (found.lookups, found.hits, found.misses) == (1, 0, 1)


async def test_an_ordinary_pull_counts_bytes_only(registry: Client) -> None:
    await registry.push_image("app", "v1", LARGE)
    agent = {"User-Agent": "docker/26.1.5 go/go1.22"}
    for path in ("app/manifests/v1", "app/manifests/v2", f"app/blobs/{Digest.of(LARGE)}", f"app/manifests/{'a' * 63}"):
        await registry.ask("GET", path, headers=agent)
    await registry.ask("HEAD", f"app/blobs/{Digest.of(LARGE)}", headers=agent)
    found = (await counted(registry, len(LARGE)))["default/app", "docker@127.0.0.1", "docker"]
    assert found == Counters(bytes_out=len(LARGE))


async def test_a_part_of_a_blob_counts_as_what_it_is(registry: Client) -> None:
    digest = await registry.push_blob("app", LARGE)
    await registry.ask("GET", f"app/blobs/{digest}", headers={**BUILDAH, "Range": "bytes=10-19"})
    assert (await counted(registry, 10))["default/app", "buildah@127.0.0.1", "buildah"].bytes_out == 10


async def test_uploads_count_their_bytes(registry: Client) -> None:
    location = await registry.begin("app")
    await registry.ask("PATCH", location, data=LARGE, headers=BUILDAH)
    await registry.ask("PUT", location, params={"digest": str(Digest.of(LARGE))}, headers=BUILDAH)
    assert (await counted(registry))["default/app", "buildah@127.0.0.1", "buildah"] == Counters(bytes_in=len(LARGE))


@pytest.mark.parametrize("as_index", [True, False])
async def test_one_read_of_a_buildkit_cache_is_one_lookup(registry: Client, as_index: bool) -> None:
    """BuildKit asks where the tag points to, then reads the manifest by its digest, then the config."""
    config = b'{"layers": [], "records": []}'
    await registry.push_blob("cache", config)
    if as_index:
        body = index(descriptor(config, BUILDKIT_CONFIG))
        digest = await registry.push_manifest("cache", body, "main", INDEX)
    else:
        digest = await registry.push_manifest("cache", image(config=config, config_type=BUILDKIT_CONFIG), "main")
    agent = {"User-Agent": "buildkit/v0.13"}
    await registry.ask("HEAD", "cache/manifests/main", headers=agent)
    await registry.ask("GET", f"cache/manifests/{digest}", headers=agent)
    await registry.ask("GET", f"cache/blobs/{Digest.of(config)}", headers=agent)
    found = (await counted(registry, len(config)))["default/cache", "buildkit@127.0.0.1", "buildkit"]
    assert found == Counters(lookups=1, hits=1, bytes_out=len(config))


@pytest.mark.parametrize(
    ("headers", "query", "builder"),
    [
        ({"Lamella-Builder": "runner-7"}, "", "runner-7"),
        ({}, "?lamella-builder=runner-8", "runner-8"),
        ({"Lamella-Builder": "runner-7"}, "?lamella-builder=runner-8", "runner-7"),
        ({"Lamella-Builder": "x" * 5000}, "", "x" * 128),
        ({}, "?lamella-builder=%00%ff%0a", "???"),
        ({}, "", "other@127.0.0.1"),
    ],
)
async def test_a_builder_may_give_its_name(registry: Client, headers: dict[str, str], query: str, builder: str) -> None:
    await registry.ask("GET", f"app/manifests/{STEP_KEY}{query}", headers={"User-Agent": "x/1", **headers})
    assert list(await counted(registry)) == [("default/app", builder, "other")]


@pytest.mark.parametrize(
    ("agent", "client"),
    [
        ("Buildah/1.28.2", "buildah"),
        ("kaniko/v1.9.0 go-containerregistry/v0.8", "kaniko"),
        ("buildkit/v0.13.1", "buildkit"),
        ("docker/26.1.5 go/go1.22 git-commit/a kernel/6 os/linux arch/amd64 UpstreamClient(Docker-Client)", "docker"),
        ("containerd/1.7.18+unknown", "containerd"),
        ("libpod/4.3.1", "podman"),
        ("skopeo/1.9.3", "skopeo"),
        ("crane/0.19 go-containerregistry/0.19", "crane"),
        ("curl/8", "other"),
        ("", "other"),
    ],
)
async def test_the_kind_of_client_is_told_by_its_agent(registry: Client, agent: str, client: str) -> None:
    await registry.ask("GET", f"app/manifests/{STEP_KEY}", headers={"User-Agent": agent})
    assert list(await counted(registry)) == [("default/app", f"{client}@127.0.0.1", client)]


async def test_the_longest_names_are_counted_too(registry: Client) -> None:
    name = "/".join(["a" * 63] * 4)[:255]
    await registry.ask("GET", f"{name}/manifests/{STEP_KEY}", headers={"Lamella-Builder": "b" * 200, **BUILDAH})
    assert list(await counted(registry)) == [(f"default/{name}", "b" * 128, "buildah")]
