"""The layers that programs compress with zlib are made again of their content, byte for byte."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sysconfig
import tarfile
import zlib
from pathlib import Path

import pytest

from lamella._core import Reencoder, find_encoder
from tests.system.containers import require, run

pytestmark = pytest.mark.slow

JAVA = Path(__file__).parents[1] / "data" / "Gzip.java"
PERL = "use IO::Compress::Gzip; IO::Compress::Gzip::gzip('-' => '-', -Level => $ARGV[0])"


def modules(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    is_wanted = entry.name.count("/") < 2 and (entry.isdir() or entry.name.endswith(".py"))
    return entry if is_wanted else None


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A plain layer: modules of Python, a program, noise and zeros."""
    for name, data in (("noise", os.urandom(1 << 20)), ("zeros", bytes(1 << 20))):
        (tmp_path / name).write_bytes(data)
    layer = tmp_path / "layer.tar"
    with tarfile.open(layer, "w") as tar:
        tar.add(sysconfig.get_path("stdlib"), "lib", filter=modules)
        tar.add("/bin/bash", "bin/bash")
        for name in ("noise", "zeros"):
            tar.add(tmp_path / name, name)
    return layer


def rebuild(path: Path) -> tuple[str, bytes]:
    """Make a layer again; return its encoder and the settings."""
    encoder = find_encoder(path)
    assert encoder is not None
    stored = path.read_bytes()
    reencoder = Reencoder(*encoder)
    assert reencoder.write(gzip.decompress(stored)) + reencoder.finish() == stored
    return encoder[0], encoder[1][: 2 if encoder[0] == "zlib-1.3" else 1]


def compress(layer: Path, *command: str) -> Path:
    """Have a program compress a layer that it reads from its standard input."""
    path = layer.with_suffix(".gz")
    with layer.open("rb") as source, path.open("wb") as target:
        subprocess.run(command, stdin=source, stdout=target, check=True)
    return path


def test_a_layer_of_java(layer: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("java is not installed")
    assert rebuild(compress(layer, "java", str(JAVA))) == ("zlib-1.3", b"\6\x08")


@pytest.mark.parametrize("level", [1, 6, 9])
def test_a_layer_of_perl(level: int, layer: Path) -> None:
    require("perl")
    assert rebuild(compress(layer, "perl", "-e", PERL, str(level))) == ("zlib-1.3", bytes([level, 9]))


@pytest.mark.parametrize("level", [1, 6, 9])
def test_a_layer_of_bsdtar(level: int, layer: Path, tmp_path: Path) -> None:
    """As Bazel's rules call it."""
    require("bsdtar")
    path = tmp_path / "layer.tar.gz"
    run("bsdtar", "-cf", path, "--gzip", "--options", f"gzip:compression-level={level}", f"@{layer}")
    assert rebuild(path) == ("zlib-1.3", bytes([level, 8]))


@pytest.mark.skipif("ng" in zlib.ZLIB_RUNTIME_VERSION, reason="Python has zlib-ng, which writes otherwise")
@pytest.mark.parametrize("level", [1, 6, 9])
def test_a_layer_of_python(level: int, layer: Path, tmp_path: Path) -> None:
    path = tmp_path / "layer.tar.gz"
    with tarfile.open(layer) as source, tarfile.open(path, "w:gz", compresslevel=level) as target:
        for entry in source:
            target.addfile(entry, source.extractfile(entry) if entry.isreg() else None)
    assert rebuild(path) == ("zlib-1.3", bytes([level, 8]))


@pytest.mark.parametrize("processors", [1, 3])
@pytest.mark.parametrize("level", [6, 9])
def test_a_layer_of_pigz(level: int, processors: int, layer: Path) -> None:
    require("pigz")
    path = compress(layer, "pigz", f"-{level}", "-p", str(processors), "-c")
    assert rebuild(path) == ("pigz-zlib-1.3", bytes([level]))
