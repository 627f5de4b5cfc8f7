"""podman pushes to the registry and pulls from it."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from tests.http.process import serving
from tests.system.containers import oci_layout, require, run, trust_everything
from tests.system.test_skopeo_registry import tar_of

if TYPE_CHECKING:
    from pathlib import Path


def test_podman_pushes_and_another_podman_pulls_the_same_image(tmp_path: Path) -> None:
    require("podman")
    policy = trust_everything(tmp_path)

    def podman(machine: str, *arguments: object) -> str:
        # It takes no long paths for its run-time folder, which holds sockets.
        storage = ("--root", tmp_path / machine, "--runroot", f"{runs}/{machine}", "--storage-driver", "vfs")
        return run("podman", *storage, *arguments)

    layout = oci_layout(tmp_path / "layout", tar_of(tmp_path / "layer.tar", 2 << 20))
    with tempfile.TemporaryDirectory() as runs, serving(tmp_path / "data") as server:
        name = f"{server.http}/team/app:v1"
        pulled = podman("one", "pull", "--signature-policy", policy, f"oci:{layout}:v1").strip()
        podman("one", "tag", pulled, name)
        podman("one", "push", "--tls-verify=false", "--signature-policy", policy, name)
        assert (
            podman("two", "pull", "--quiet", "--tls-verify=false", "--signature-policy", policy, name).strip() == pulled
        )
