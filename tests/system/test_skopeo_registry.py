"""skopeo copies images to the registry and back."""

from __future__ import annotations

import json
import os
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from lamella._core import hash_file
from tests.http.process import serving
from tests.system.containers import counters, oci_layout, require, run
from tests.system.lamella import succeed

EXAMPLE = Path(__file__).parents[2] / "examples" / "web-service"
PLAIN = ("--src-tls-verify=false", "--dest-tls-verify=false")


@pytest.fixture(autouse=True)
def _skopeo() -> None:
    require("skopeo")


def skopeo_copy(source: str, destination: str, *options: str) -> None:
    run("skopeo", "--insecure-policy", "copy", *PLAIN, *options, source, destination)


def tar_of(path: Path, size: int) -> Path:
    """Write a tar with one file of random bytes."""
    with tarfile.open(path, "w") as archive:
        block = os.urandom(1 << 20)
        entry = tarfile.TarInfo("data")
        entry.size = size
        archive.addfile(entry, BytesIO(block * (size >> 20)))
    return path


def manifest_of(reference: str) -> Any:
    return json.loads(run("skopeo", "inspect", "--raw", "--tls-verify=false", reference))


def test_an_image_survives_the_way_there_and_back(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        succeed("build", EXAMPLE, "-o", tmp_path / "app", "-t", "v1", server=server.grpc)
        pushed = f"docker://{server.http}/team/app:v1"
        skopeo_copy(f"oci:{tmp_path / 'app'}:v1", pushed)
        skopeo_copy(pushed, f"dir:{tmp_path / 'back'}")
        assert json.loads((tmp_path / "back" / "manifest.json").read_bytes()) == manifest_of(pushed)
        skopeo_copy(pushed, f"docker://{server.http}/other/app:v2")
        assert json.loads(run("skopeo", "list-tags", "--tls-verify=false", f"docker://{server.http}/other/app")) == {
            "Repository": f"{server.http}/other/app",
            "Tags": ["v2"],
        }
        run("skopeo", "delete", "--tls-verify=false", pushed)
        assert "v1" not in run("skopeo", "list-tags", "--tls-verify=false", f"docker://{server.http}/other/app")
        found = counters(server.grpc, "default/team/app", bytes_in=1, bytes_out=1)
        assert (found["lookups"], found["hits"], found["misses"]) == (0, 0, 0)


def test_what_another_door_has_is_not_sent_again(tmp_path: Path) -> None:
    """A layer that `lamella build` stored over gRPC is there for registry clients."""
    with serving(tmp_path / "data") as server:
        succeed("build", EXAMPLE, "-o", tmp_path / "app", "-t", "v1", server=server.grpc)
        skopeo_copy(f"oci:{tmp_path / 'app'}:v1", f"docker://{server.http}/app:v1", "--dest-compress=false")
        config = manifest_of(f"docker://{server.http}/app:v1")["config"]
        assert counters(server.grpc, "default/app", bytes_in=config["size"])["bytes_in"] == config["size"]


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_both_forms_of_manifests(tmp_path: Path, form: str) -> None:
    with serving(tmp_path / "data", workers=2) as server:
        layout = oci_layout(tmp_path / "layout", tar_of(tmp_path / "layer.tar", 3 << 20))
        pushed = f"docker://{server.http}/app:v1"
        skopeo_copy(f"oci:{layout}:v1", pushed, "--format", form)
        skopeo_copy(pushed, f"dir:{tmp_path / 'back'}")
        media_type = manifest_of(pushed)["mediaType"]
        assert ("docker" in media_type) == (form == "v2s2")


@pytest.mark.slow
def test_a_layer_of_one_gibibyte(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        layout = oci_layout(tmp_path / "layout", tar_of(tmp_path / "layer.tar", 1 << 30))
        pushed = f"docker://{server.http}/app:v1"
        skopeo_copy(f"oci:{layout}:v1", pushed, "--dest-compress=false")
        skopeo_copy(pushed, f"dir:{tmp_path / 'back'}")
        status = Path(f"/proc/{server.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak < 200 << 10
    largest = max((tmp_path / "back").iterdir(), key=lambda path: path.stat().st_size)
    assert hash_file(largest)[0].hex() == largest.name
