"""What the tests with real container clients share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from lamella._core import hash_file
from lamella.layers.media_types import CONFIG, MANIFEST, REF_NAME
from lamella.model import MEDIA_TYPE_LAYER, Digest
from tests.system.lamella import succeed

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 240


def require(*programs: str) -> None:
    """Skip a test, saying which program the machine lacks."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (.ci/run installs it)")


def run(*command: object, **environment: str) -> str:
    """Run a client, expect it to succeed, and return its output."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def trust_everything(folder: Path) -> Path:
    """Write a signature policy that accepts any image, so that the machine's own does not matter."""
    policy = folder / "policy.json"
    policy.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    return policy


def oci_layout(folder: Path, layer: Path) -> Path:
    """Write an OCI layout of one image, tagged ``v1``, with one layer, an uncompressed tar; the file is moved in."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    raw, size = hash_file(layer)
    layer.rename(blobs / raw.hex())

    def add(document: dict[str, Any], media_type: str) -> dict[str, Any]:
        data = json.dumps(document).encode()
        digest = Digest.of(data)
        (blobs / digest.hex).write_bytes(data)
        return {"mediaType": media_type, "digest": str(digest), "size": len(data)}

    layer_id = str(Digest(raw))
    rootfs = {"type": "layers", "diff_ids": [layer_id]}
    config = add({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}, CONFIG)
    descriptor = {"mediaType": MEDIA_TYPE_LAYER, "digest": layer_id, "size": size}
    manifest = add({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [descriptor]}, MANIFEST)
    index = {"schemaVersion": 2, "manifests": [{**manifest, "annotations": {REF_NAME: "v1"}}]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def counters(server: str, project: str, **at_least: int) -> dict[str, Any]:
    """Return what the server counted for a project, once that is enough: each worker writes its counts every second."""
    deadline = time.monotonic() + 10
    while True:
        found: dict[str, Any] = succeed("stats", "--project", project, server=server)["rows"][0]
        if all(found[name] >= value for name, value in at_least.items()) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)
