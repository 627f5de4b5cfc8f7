"""The zstd layers of builders are made again of their content, byte for byte."""

from __future__ import annotations

import tarfile
import tempfile
from typing import TYPE_CHECKING

import pytest
import zstandard

from lamella._core import Reencoder, find_encoder
from tests.system.containers import require, run, trust_everything
from tests.system.docker import machine, require_docker
from tests.system.test_rebuilt_go_layers import LAYERS, NOWHERE, layers, write_context
from tests.system.test_rebuilt_layers import write_image

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

MAGIC = b"\x28\xb5\x2f\xfd"
FASTEST, DEFAULT, BEST = 1, 2, 4


def rebuild(layer: Path) -> int:
    """Make a layer again; return the level it was made with."""
    encoder = find_encoder(layer)
    assert encoder is not None
    stored = layer.read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True) as reader:
        content = reader.read()
    reencoder = Reencoder(*encoder)
    assert reencoder.write(content) + reencoder.finish() == stored
    assert encoder[0].startswith("zstd-klauspost-")
    return encoder[1][0]


@pytest.mark.parametrize(
    ("options", "level"), [("", DEFAULT), (",compression-level=1", FASTEST), (",compression-level=22", BEST)]
)
def test_layers_of_buildkit(options: str, level: int, tmp_path: Path) -> None:
    require_docker()
    archive = tmp_path / "layout.tar"
    with machine(tmp_path, NOWHERE) as builder:
        output = f"type=oci,dest={archive},compression=zstd,force-compression=true{options}"
        builder.build(write_context(tmp_path / "context"), "--output", output)
    with tarfile.open(archive) as layout:
        layout.extractall(tmp_path / "layout", filter="data")
    assert [rebuild(layer) for layer in layers(tmp_path / "layout")] == [level] * LAYERS


@pytest.mark.parametrize(
    ("form", "options", "level"),
    [
        ("zstd", (), DEFAULT),
        ("zstd", ("--dest-compress-level", "1"), FASTEST),
        ("zstd:chunked", ("--dest-compress-level", "3"), DEFAULT),
    ],
)
def test_a_layer_of_skopeo(form: str, options: tuple[str, ...], level: int, tmp_path: Path) -> None:
    require("skopeo")
    how = ("--dest-compress", "--dest-compress-format", form, *options)
    run(
        "skopeo",
        "--policy",
        trust_everything(tmp_path),
        "copy",
        *how,
        write_image(tmp_path),
        f"dir:{tmp_path / 'image'}",
    )
    assert [rebuild(layer) for layer in compressed(tmp_path / "image")] == [level]


def test_a_layer_of_buildah(tmp_path: Path) -> None:
    require("buildah")
    image, policy = write_image(tmp_path), trust_everything(tmp_path)
    # Sockets in the run-time folder take no long paths.
    with tempfile.TemporaryDirectory() as runs:
        storage = ("--root", tmp_path / "root", "--runroot", runs, "--storage-driver", "vfs")
        image_id = run("buildah", *storage, "pull", "--quiet", "--signature-policy", policy, image).strip()
        how = ("--compression-format", "zstd", "--signature-policy", policy)
        run("buildah", *storage, "push", *how, image_id, f"dir:{tmp_path / 'image'}")
    assert [rebuild(layer) for layer in compressed(tmp_path / "image")] == [DEFAULT]


def compressed(folder: Path) -> list[Path]:
    """Return the zstd files of a folder."""
    return [path for path in folder.iterdir() if path.read_bytes().startswith(MAGIC)]
