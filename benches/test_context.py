"""A build context walked and hashed, and a layer written, beside what Python's standard library takes for the same."""

from __future__ import annotations

import hashlib
import os
import random
import tarfile
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lamella._core import BuildContext, LayerWriter

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

FILES = 50_000
FILES_PER_FOLDER = 100
ROUNDS = 3


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of many small files: log-normal sizes, with a median of 2 KiB."""
    root = tmp_path_factory.mktemp("context")
    sizes = random.Random(1)
    filler = sizes.randbytes(1 << 20)
    for folder in range(FILES // FILES_PER_FOLDER):
        path = root / f"package{folder % 25}" / f"module{folder}"
        path.mkdir(parents=True)
        for number in range(FILES_PER_FOLDER):
            size = min(int(sizes.lognormvariate(7.6, 1.2)), len(filler))
            (path / f"file{number}.py").write_bytes(filler[:size])
    return root


def lamella_digests(root: Path, threads: int) -> int:
    return len(BuildContext(root, ["**/*.pyc", ".git"], threads).copy_source("."))


def standard_digests(root: str) -> int:
    """Walk, look at and hash every file, as a script would; ignore patterns are not even applied."""
    digests = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 - the peer must be as fast as it can be
            status = os.lstat(path)
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                digests[path] = (status.st_mode, hashlib.sha256(file.read()).digest())
    return len(digests)


@pytest.mark.benchmark(group="context: walk and hash 50,000 files")
@pytest.mark.parametrize("threads", [0, 1], ids=["all cores", "one core"])
def test_context_lamella(benchmark: BenchmarkFixture, context: Path, threads: int) -> None:
    assert benchmark.pedantic(lamella_digests, (context, threads), rounds=ROUNDS, warmup_rounds=1) > FILES


@pytest.mark.benchmark(group="context: walk and hash 50,000 files")
def test_context_os_walk_and_hashlib(benchmark: BenchmarkFixture, context: Path) -> None:
    assert benchmark.pedantic(standard_digests, (str(context),), rounds=ROUNDS, warmup_rounds=1) == FILES


@pytest.mark.benchmark(group="context: walk 50,000 files")
def test_walk_lamella(benchmark: BenchmarkFixture, context: Path) -> None:
    assert len(benchmark.pedantic(BuildContext, (context, ["**/*.pyc"]), rounds=ROUNDS, warmup_rounds=1)) > FILES


@pytest.mark.benchmark(group="layer: write 50,000 files with digest")
def test_layer_lamella(benchmark: BenchmarkFixture, context: Path, tmp_path: Path) -> None:
    entries = BuildContext(context).copy_source(".")[1:]
    layer = tmp_path / "layer.tar"

    def write() -> tuple[bytes, int]:
        writer = LayerWriter(layer)
        writer.add(entries)
        return writer.finish()

    digest, size = benchmark.pedantic(
        write, setup=partial(layer.unlink, missing_ok=True), rounds=ROUNDS, warmup_rounds=1
    )
    assert (digest, size) == (hashlib.sha256(layer.read_bytes()).digest(), layer.stat().st_size)


@pytest.mark.benchmark(group="layer: write 50,000 files with digest")
def test_layer_tarfile_and_hashlib(benchmark: BenchmarkFixture, context: Path, tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"

    def write() -> bytes:
        with tarfile.open(layer, "w", format=tarfile.USTAR_FORMAT) as tar:
            tar.add(context, "")
        with layer.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()

    digest = benchmark.pedantic(write, setup=partial(layer.unlink, missing_ok=True), rounds=ROUNDS, warmup_rounds=1)
    assert digest == hashlib.sha256(layer.read_bytes()).digest()
