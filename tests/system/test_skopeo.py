"""What we write is read by a tool that is not ours."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lamella.cli.server_process import running_server
from tests.system.lamella import succeed

EXAMPLE = Path(__file__).parents[2] / "examples" / "web-service"

pytestmark = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


def skopeo(*arguments: str) -> str:
    return subprocess.run(["skopeo", *arguments], check=True, capture_output=True, text=True, timeout=120).stdout


def test_skopeo_reads_and_copies_what_a_build_writes(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        built = succeed("build", EXAMPLE, "-o", tmp_path / "app", "-t", "orders:1", server=server)
        succeed("build", EXAMPLE, "-o", f"type=oci,dest={tmp_path / 'app.tar'}", "-t", "orders:1", server=server)
    for source in (f"oci:{tmp_path / 'app'}:orders:1", f"oci-archive:{tmp_path / 'app.tar'}:orders:1"):
        image = json.loads(skopeo("inspect", source))
        assert image["Digest"] == built["manifest"]
        assert image["Layers"] == built["layers"]
        assert image["Labels"]["org.opencontainers.image.title"] == "orders"
    skopeo("--insecure-policy", "copy", f"oci:{tmp_path / 'app'}:orders:1", f"oci-archive:{tmp_path / 'copy.tar'}:v2")
    copied = json.loads(skopeo("inspect", "--config", f"oci-archive:{tmp_path / 'copy.tar'}:v2"))
    assert copied["rootfs"]["diff_ids"] == built["layers"]  # skopeo has checked them while it compressed the layers


def test_an_image_that_skopeo_writes_is_built_upon_and_pushed(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM orders\nCOPY Dockerfile /note\n")
    with running_server(tmp_path / "data") as server:
        succeed("build", EXAMPLE, "-o", tmp_path / "app", "-t", "v1", server=server)
        compressed = ("--dest-compress", "--dest-compress-format", "gzip")
        skopeo("--insecure-policy", "copy", *compressed, f"oci:{tmp_path / 'app'}:v1", f"oci:{tmp_path / 'base'}:v1")
        named = ("--build-context", f"orders=oci-layout://{tmp_path / 'base'}:v1")
        built = succeed("build", context, *named, "-o", tmp_path / "out", "-t", "v2", server=server)
    assert json.loads(skopeo("inspect", f"oci:{tmp_path / 'out'}:v2"))["Layers"] == built["layers"]
    skopeo("--insecure-policy", "copy", f"oci:{tmp_path / 'out'}:v2", f"dir:{tmp_path / 'checked'}")
