"""crane, unmodified: the client of go-containerregistry, by which kaniko, ko and others talk to registries, too."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.http.process import RegistryProcess, serving
from tests.system.containers import counters, run
from tests.system.go_tools import go_tool, require_built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

CRANE = go_tool("crane")
FILES = {"etc/name": b"app\n", "usr/bin/program": bytes(range(256)) * 4096}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryProcess]:
    require_built(CRANE)
    with serving(tmp_path / "data", workers=2) as started:
        yield started


def crane(*arguments: object) -> str:
    return run(CRANE, *arguments)


def layer(path: Path, **extra: bytes) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in {**FILES, **extra}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def exported(reference: str) -> dict[str, bytes]:
    """Return the files of an image's file system."""
    done = subprocess.run([CRANE, "export", reference, "-"], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive}
    return {name: file.read() for name, file in files.items() if file is not None}


def test_an_image_goes_there_and_back(tmp_path: Path, server: RegistryProcess) -> None:
    reference = f"{server.http}/team/app:v1"
    crane("append", "--new_layer", layer(tmp_path / "layer.tar"), "--new_tag", reference)
    digest = crane("digest", reference).strip()
    assert f"sha256:{hashlib.sha256(crane('manifest', reference).encode()).hexdigest()}" == digest
    crane("validate", "--remote", reference)
    assert exported(reference) == FILES

    crane("pull", "--format", "oci", reference, tmp_path / "layout")
    crane("push", tmp_path / "layout", f"{server.http}/team/other:v1")
    assert crane("digest", f"{server.http}/team/other:v1").strip() == digest
    crane("validate", "--remote", f"{server.http}/team/other@{digest}")


def test_copies_and_tags_are_listed_until_they_are_deleted(tmp_path: Path, server: RegistryProcess) -> None:
    reference = f"{server.http}/team/app:v1"
    crane("append", "--new_layer", layer(tmp_path / "layer.tar"), "--new_tag", reference)
    crane(
        "append", "--base", reference, "--new_layer", layer(tmp_path / "second.tar", more=b"x"), "--new_tag", reference
    )
    digest = crane("digest", reference).strip()
    crane("copy", reference, f"{server.http}/copies/app:v2")
    crane("tag", f"{server.http}/copies/app:v2", "v3")
    assert crane("ls", f"{server.http}/copies/app").split() == ["v2", "v3"]
    assert crane("catalog", server.http).split() == ["copies/app", "team/app"]
    assert {crane("digest", f"{server.http}/copies/app:{tag}").strip() for tag in ("v2", "v3")} == {digest}
    crane("delete", f"{server.http}/copies/app:v2")
    assert crane("ls", f"{server.http}/copies/app").split() == ["v3"]
    crane("delete", f"{server.http}/copies/app@{digest}")
    assert crane("catalog", server.http).split() == ["team/app"]
    crane("validate", "--remote", reference)


def test_an_index_of_two_platforms(tmp_path: Path, server: RegistryProcess) -> None:
    platforms = {name: f"{server.http}/team/{name}:v1" for name in ("amd64", "arm64")}
    for name, reference in platforms.items():
        crane("append", "--new_layer", layer(tmp_path / name, architecture=name.encode()), "--new_tag", reference)
        crane("mutate", "--set-platform", f"linux/{name}", "--tag", reference, reference)
    index = f"{server.http}/team/app:v1"
    added = [word for reference in platforms.values() for word in ("--manifest", reference)]
    crane("index", "append", *added, "--tag", index)
    crane("validate", "--remote", index)
    for name in platforms:
        assert json.loads(crane("config", "--platform", f"linux/{name}", index))["architecture"] == name


def test_the_requests_that_kaniko_makes(tmp_path: Path, server: RegistryProcess) -> None:
    """Not kaniko itself: its calls of the same library. A step's key is a tag; its image has one layer.

    ``remote.Image`` asks for the manifest, its config's ``created`` is read for the age, the layer is unpacked; what
    missed is pushed by ``remote.Write``.
    """
    keys = [hashlib.sha256(step).hexdigest() for step in (b"first", b"second")]
    references = [f"{server.http}/cache/app:{key}" for key in keys]
    missed = subprocess.run([CRANE, "config", references[0]], capture_output=True, text=True, check=False)
    assert missed.returncode != 0
    assert "MANIFEST_UNKNOWN" in missed.stderr or "NAME_UNKNOWN" in missed.stderr
    crane("append", "--new_layer", layer(tmp_path / "layer.tar"), "--new_tag", references[0])
    assert "created" in json.loads(crane("config", references[0]))
    assert exported(references[0]) == FILES
    missed = subprocess.run([CRANE, "config", references[1]], capture_output=True, text=True, check=False)
    assert "MANIFEST_UNKNOWN" in missed.stderr
    found = counters(server.grpc, "default/cache/app", hits=2, misses=2)
    assert (found["hits"], found["misses"]) == (2, 2)
