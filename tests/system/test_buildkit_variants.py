"""BuildKit's cache in the registry in every compression, and for two platforms in one tag."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.http.process import serving
from tests.system.docker import Machine, machine, require_docker
from tests.system.test_buildkit import APP, FORMS, write_context

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

ENDINGS = {"gzip": "tar+gzip", "zstd": "tar+zstd", "uncompressed": "tar"}
"""How media types of layers end, by what BuildKit calls their compression."""
FORCED = "force-compression=true"
PLATFORMS = ("amd64", "arm64")
TWO_PLATFORMS = """
FROM scratch AS files
ARG TARGETARCH
COPY common /common
COPY ${TARGETARCH} /architecture
FROM scratch
COPY --from=files / /
"""
"""Nothing runs, so that no machine has to be emulated."""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    require_docker()
    return write_context(tmp_path / "app", APP)


def image(builder: Machine) -> dict[str, Any]:
    """What is in an image, however its layers are compressed on this machine and whenever it says that it was made."""
    found = json.loads(builder.docker("image", "inspect", "app"))[0]
    return {name: found[name] for name in ("RootFS", "Config", "Architecture", "Os")}


async def cached_layers(registry: str) -> set[str]:
    """Return the media types of the layers that the cache has."""
    url = f"http://{registry}/v2/cache/app/manifests/latest"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return {layer["mediaType"] for layer in (await answer.json(content_type=None))["layers"]}


@pytest.mark.parametrize(
    ("form", "compression", "forced"),
    [
        (FORMS[0], "zstd", False),
        (FORMS[0], "uncompressed", False),
        (FORMS[0], "zstd", True),
        (FORMS[0], "uncompressed", True),
        (FORMS[1], "zstd", True),
        (FORMS[2], "uncompressed", True),
    ],
)
async def test_a_second_machine_hits_in_any_compression(
    tmp_path: Path, app: Path, form: str, compression: str, forced: bool
) -> None:
    images, identities = [], []
    with serving(tmp_path / "data") as server:
        cache = f"type=registry,ref={server.http}/cache/app"
        export = f"{cache},mode=max,{form},compression={compression}" + (f",{FORCED}" if forced else "")
        for name, steps in (("one", 6), ("two", 0)):
            (tmp_path / name).mkdir()
            with machine(tmp_path / name, server.http) as builder:
                assert len(builder.build(app, "--cache-from", cache, "--cache-to", export)) == steps
                images.append(image(builder))
                identities.append(builder.image_id())
                assert builder.docker("run", "--rm", "--network", "none", "app", "cat", "/etc/name") == "app\n"
        if form == FORMS[0]:
            endings = {media_type.partition(".v1.")[2] for media_type in await cached_layers(server.http)}
            # Unless forced, layers that the image has already stay as they are.
            assert endings == {ENDINGS[compression]} if forced else ENDINGS[compression] in endings
    assert images[0] == images[1]
    # A layer that BuildKit compresses again loses the time of its step, which is a part of the image.
    assert forced or identities[0] == identities[1]


def test_one_tag_takes_exports_of_different_compressions(tmp_path: Path, app: Path) -> None:
    """Each builder compresses as it likes; whoever comes later hits, and gets the newest result."""
    images = []
    with serving(tmp_path / "data") as server:
        cache = f"type=registry,ref={server.http}/cache/app"
        for compression in ENDINGS:
            (tmp_path / compression).mkdir()
            with machine(tmp_path / compression, server.http) as builder:
                export = f"{cache},mode=max,{FORMS[0]},compression={compression},{FORCED}"
                assert len(builder.build(app, "--cache-to", export)) == 6
                images.append(image(builder))
        (tmp_path / "last").mkdir()
        with machine(tmp_path / "last", server.http) as builder:
            assert builder.build(app, "--cache-from", cache) == []
            images.append(image(builder))
    assert images[-1] == images[-2]


@pytest.mark.parametrize("form", FORMS)
def test_two_platforms_in_one_tag(tmp_path: Path, app: Path, form: str) -> None:
    """One build of both, and then one builder for each: every one hits, whatever the others exported."""
    for name in (*PLATFORMS, "common"):
        (app / name).write_text(f"{name}\n")
    (app / "Dockerfile").write_text(TWO_PLATFORMS)
    both = ",".join(f"linux/{name}" for name in PLATFORMS)
    missed: dict[str, list[str]] = {}
    identities = []
    with serving(tmp_path / "data") as server:
        cache = f"type=registry,ref={server.http}/cache/app"
        for name, platforms in (("cold", both), *((name, f"linux/{name}") for name in PLATFORMS), ("warm", both)):
            (tmp_path / name).mkdir()
            options = ("--cache-from", cache, "--cache-to", f"{cache},mode=max,{form}", "--platform", platforms)
            with machine(tmp_path / name, server.http) as builder:
                missed[name] = builder.build(app, *options)
                if platforms == both:
                    identities.append(builder.image_id())
    # What both copy from the context is one step.
    assert len(missed.pop("cold")) == 5
    assert missed == {"amd64": [], "arm64": [], "warm": []}
    assert identities[0] == identities[1]


def test_builders_of_one_platform_each_share_a_tag(tmp_path: Path, app: Path) -> None:
    """The builders know nothing of each other; then one that builds for both has nothing to do."""
    for name in (*PLATFORMS, "common"):
        (app / name).write_text(f"{name}\n")
    (app / "Dockerfile").write_text(TWO_PLATFORMS)
    with serving(tmp_path / "data") as server:
        cache = f"type=registry,ref={server.http}/cache/app"
        for name in PLATFORMS:
            (tmp_path / name).mkdir()
            with machine(tmp_path / name, server.http) as builder:
                export = ("--cache-to", f"{cache},mode=max,{FORMS[0]}", "--platform", f"linux/{name}")
                assert len(builder.build(app, *export)) == 3
        (tmp_path / "both").mkdir()
        with machine(tmp_path / "both", server.http) as builder:
            platforms = ",".join(f"linux/{name}" for name in PLATFORMS)
            assert builder.build(app, "--cache-from", cache, "--platform", platforms) == []
