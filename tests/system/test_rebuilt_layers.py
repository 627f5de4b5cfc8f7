"""The layers that builders compress are made again of their content, byte for byte."""

from __future__ import annotations

import gzip
import os
import tarfile
import tempfile
from pathlib import Path

import pytest

from lamella._core import Reencoder, find_encoder
from tests.system.containers import oci_layout, require, run, trust_everything

pytestmark = pytest.mark.slow

GZIP = b"\x1f\x8b"


@pytest.fixture
def image(tmp_path: Path) -> str:
    return write_image(tmp_path)


def write_image(folder: Path) -> str:
    """Write an image with one plain layer: modules of Python, noise and zeros, together some of pgzip's blocks."""
    for name, data in (("noise", os.urandom(3 << 20)), ("zeros", bytes(3 << 20))):
        (folder / name).write_bytes(data)
    layer = folder / "layer.tar"
    with tarfile.open(layer, "w") as tar:
        tar.add(Path(gzip.__file__).parent, "lib", filter=_only_modules)
        for name in ("noise", "zeros"):
            tar.add(folder / name, name)
    return f"oci:{oci_layout(folder / 'layout', layer)}:v1"


def _only_modules(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    is_wanted = entry.name.count("/") < 2 and (entry.isdir() or entry.name.endswith(".py"))
    return entry if is_wanted else None


def compress(program: str, folder: Path, image: str, output: Path) -> None:
    """Have a program write the image, compressed, to a folder."""
    policy = trust_everything(folder)
    if program == "skopeo":
        options = ("--dest-compress", "--dest-compress-format", "gzip")
        run("skopeo", "--policy", policy, "copy", *options, image, f"dir:{output}")
        return
    # podman takes no long paths for its run-time folder, which holds sockets.
    with tempfile.TemporaryDirectory() as runs:
        storage = ("--root", folder / "root", "--runroot", runs, "--storage-driver", "vfs")
        image_id = run(program, *storage, "pull", "--quiet", "--signature-policy", policy, image).strip()
        compressed = ["--compress"] if program == "podman" else []
        run(program, *storage, "push", *compressed, "--signature-policy", policy, image_id, f"dir:{output}")


@pytest.mark.parametrize("program", ["skopeo", "buildah", "podman"])
def test_a_layer_is_rebuilt(program: str, tmp_path: Path, image: str) -> None:
    require(program)
    compress(program, tmp_path, image, tmp_path / "image")
    (layer,) = [path for path in (tmp_path / "image").iterdir() if path.read_bytes().startswith(GZIP)]
    encoder = find_encoder(layer)
    assert encoder is not None
    assert encoder[0].startswith("pgzip-klauspost-")
    stored = layer.read_bytes()
    reencoder = Reencoder(*encoder)
    assert reencoder.write(gzip.decompress(stored)) + reencoder.finish() == stored
