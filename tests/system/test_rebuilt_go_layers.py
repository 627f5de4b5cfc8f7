"""The layers that builders compress with Go's own library are made again of their content, byte for byte."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sysconfig
import tarfile
from pathlib import Path

import pytest

from lamella._core import Reencoder, find_encoder
from tests.system.containers import require, run
from tests.system.docker import machine, require_docker
from tests.system.test_crane import CRANE

pytestmark = pytest.mark.slow

NOWHERE = "127.0.0.1:1"
DOCKERFILE = """
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "/bin"]
COPY library /library
COPY noise zeros /
RUN for size in 1 511 512 513 70000; do head -c $size /library/argparse.py > /$size; done; rm /library/argparse.py
"""
LAYERS = 5
PROGRAM = Path(__file__).parents[1] / "data" / "go_gzip" / "main.go"
LAST = 26
"""The last minor version of Go whose library is the one that is rebuilt."""


def modules(_: str, names: list[str]) -> set[str]:
    return {name for name in names if name in {"site-packages", "dist-packages", "test", "__pycache__"}}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_context(tmp_path / "context")


def write_context(folder: Path) -> Path:
    """Write what ``DOCKERFILE`` builds layers of many kinds of content from."""
    shutil.copytree(sysconfig.get_path("stdlib"), folder / "library", symlinks=True, ignore=modules)
    shutil.copy("/bin/busybox", folder)
    (folder / "noise").write_bytes(os.urandom(3 << 20))
    (folder / "zeros").write_bytes(bytes(20 << 20))
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


def layers(layout: Path) -> list[Path]:
    """Return the layers of the first image of an OCI layout."""

    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    document = json.loads((layout / "index.json").read_text())
    while "layers" not in document:
        document = json.loads(blob(document["manifests"][0]["digest"]).read_text())
    return [blob(layer["digest"]) for layer in document["layers"]]


def rebuild(layer: Path) -> tuple[str, int]:
    """Make a layer again; return its encoder and level."""
    encoder = find_encoder(layer)
    assert encoder is not None
    stored = layer.read_bytes()
    reencoder = Reencoder(*encoder)
    assert reencoder.write(gzip.decompress(stored)) + reencoder.finish() == stored
    name, parameters = encoder
    return name, int.from_bytes(parameters[:1], signed=True)


@pytest.mark.parametrize(
    ("form", "level"),
    [("gzip", 6), ("gzip,compression-level=9", 9), ("gzip,compression-level=1", 1), ("estargz", 6)],
)
def test_layers_of_buildkit(form: str, level: int, tmp_path: Path, context: Path) -> None:
    require_docker()
    archive = tmp_path / "layout.tar"
    with machine(tmp_path, NOWHERE) as builder:
        output = f"type=oci,dest={archive},compression={form},force-compression=true"
        builder.build(context, "--output", output)
    with tarfile.open(archive) as layout:
        layout.extractall(tmp_path / "layout", filter="data")
    assert [rebuild(layer) for layer in layers(tmp_path / "layout")] == [("go-1.26", level)] * LAYERS


def test_a_layer_of_crane(tmp_path: Path, context: Path) -> None:
    """As kaniko, ko and others make them, with the same library."""
    if not CRANE.exists():
        pytest.skip("crane is not built (.ci/fetch-go-tools builds it, where there is a Go)")
    with tarfile.open(tmp_path / "layer.tar", "w") as layer:
        layer.add(context, ".")
    run(
        CRANE,
        "append",
        "--new_layer",
        tmp_path / "layer.tar",
        "--new_tag",
        "app:v1",
        "--output",
        tmp_path / "image.tar",
    )
    with tarfile.open(tmp_path / "image.tar") as image:
        image.extractall(tmp_path / "image", filter="data")
    (layer_file,) = (tmp_path / "image").glob("*.tar.gz")
    assert rebuild(layer_file) == ("go-1.26", 1)


@pytest.fixture(scope="session")
def compressor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("go")
    found = re.search(r"go1\.(\d+)", run("go", "version"))
    if found is None or int(found[1]) > LAST:
        pytest.skip(f"this Go is later than 1.{LAST}, and compresses in another way")
    program = tmp_path_factory.mktemp("go") / "compress"
    run("go", "build", "-o", program, PROGRAM)
    return program


def mixture(seed: int) -> bytes:
    """Return a few megabytes that change their nature every now and then."""
    source = random.Random(seed)
    words = [source.randbytes(source.randrange(1, 40)) for _ in range(source.choice((20, 1000, 30_000)))]
    pieces = [b""]
    for _ in range(source.randrange(1, 40)):
        size = source.randrange(100_000)
        match source.randrange(5):
            case 0:
                pieces.append(source.randbytes(size))
            case 1:
                pieces.append(bytes([source.randrange(256)]) * size)
            case 2:
                pieces.append(b"".join(source.choices(words, k=size // 20)))
            case 3:
                pieces.append(bytes(source.choices(range(source.randrange(2, 20)), k=size)))
            case _:
                # Again, from as far as a match reaches, or farther.
                pieces.append(b"".join(pieces)[-source.randrange(32_000, 33_500) :])
    return b"".join(pieces)


@pytest.mark.parametrize("seed", range(40))
def test_what_go_itself_compresses(seed: int, compressor: Path, tmp_path: Path) -> None:
    content = mixture(seed)
    level = range(-2, 10)[seed % 12]
    size = random.Random(seed).choice((512, 10_240, 32_768, 1 << 20, 1 << 30))
    done = subprocess.run([compressor, str(level), str(size)], input=content, stdout=subprocess.PIPE, check=True)
    (tmp_path / "layer").write_bytes(done.stdout)
    assert rebuild(tmp_path / "layer")[0] == "go-1.26"
