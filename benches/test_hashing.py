"""Hashing and layer scans beside their peers: OpenSSL, and Python's ``tarfile``, ``gzip`` and ``hashlib``.

Nothing is asserted of the ratios: they are printed, with their spread, for whoever compares.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import math
import random
import shutil
import subprocess
import sysconfig
import tarfile
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benches.peers import ratio
from lamella import _core

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

BLOCK = 1 << 20
SMALL_FILES = 50_000
MIXED_BYTES = 200 << 20
OTHERS = {"site-packages", "dist-packages", "__pycache__"}


@pytest.fixture(scope="module", params=[256, 2048], ids=["median 256 B", "median 2 KiB"])
def small_files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain tar of 50,000 files of log-normal sizes."""
    path = tmp_path_factory.mktemp("small") / "layer.tar"
    sizes = random.Random(1)
    filler = sizes.randbytes(BLOCK)
    with tarfile.open(path, "w") as tar:
        for number in range(SMALL_FILES):
            member = tarfile.TarInfo(f"usr/lib/package{number // 100}/file{number}.py")
            member.size = min(int(sizes.lognormvariate(math.log(request.param), 1.0)), BLOCK)
            tar.addfile(member, BytesIO(filler[: member.size]))
    return path


@pytest.fixture(scope="module")
def gzip_layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real files, the standard library of this Python, as often as 200 MiB take: a tar, as ``gzip -6``."""
    folder = tmp_path_factory.mktemp("mixed")
    plain = folder / "layer.tar"
    library = Path(sysconfig.get_path("stdlib"))
    files = [
        path
        for path in sorted(library.rglob("*"))
        if path.is_file() and OTHERS.isdisjoint(path.relative_to(library).parts)
    ]
    with tarfile.open(plain, "w") as tar:
        for number, path in enumerate(itertools.cycle(files)):
            if tar.offset >= MIXED_BYTES:
                break
            tar.add(path, f"copy{number // len(files)}/{path.relative_to(library)}")
    with plain.open("rb") as source, gzip.open(folder / "layer.tar.gz", "wb", compresslevel=6) as target:
        shutil.copyfileobj(source, target, BLOCK)
    return folder / "layer.tar.gz"


def seconds(work: object, *arguments: object) -> float:
    assert callable(work)
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def scan(path: Path) -> int:
    reader = _core.LayerReader(path)
    count = 0
    while batch := reader.next_batch():
        count += len(batch)
    assert len(reader.digest) == len(reader.diff_id) == 32
    return count


def scan_by_tarfile(path: Path) -> int:
    """Every entry's digest, and that of the tar."""
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    digests = []
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            content = tar.extractfile(member)
            digests.append(hashlib.sha256(content.read() if content else b"").digest())
    return len(digests)


def digests_by_gzip(path: Path) -> tuple[bytes, bytes]:
    """Digest and diff_id of a gzip layer; entries are not even looked at."""
    digest, diff_id = hashlib.sha256(), hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    with gzip.open(path, "rb") as file:
        while block := file.read(BLOCK):
            diff_id.update(block)
    return digest.digest(), diff_id.digest()


def seconds_of_openssl(size: int) -> float:
    """What ``openssl speed`` takes to hash ``size`` bytes, in blocks of 16 KiB."""
    command = ["openssl", "speed", "-elapsed", "-mr", "-seconds", "1", "-bytes", "16384", "-evp", "sha256"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # "+F:22:SHA256:1860000000.00" in bytes a second.
    (line,) = (line for line in output.splitlines() if line.startswith("+F:"))
    return size / float(line.rsplit(":", 1)[1])


@pytest.mark.benchmark(group="sha256: one stream of 256 MiB")
def test_sha256(benchmark: BenchmarkFixture) -> None:
    data = bytes(256 << 20)
    assert len(benchmark.pedantic(_core.sha256, (data,), rounds=3, warmup_rounds=1)) == 32
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so there is no peer")
    ratio(
        "sha256, one stream, openssl speed", lambda: seconds(_core.sha256, data), lambda: seconds_of_openssl(len(data))
    )


@pytest.mark.benchmark(group="scan: tar of 50,000 small files")
def test_scan_small_files(benchmark: BenchmarkFixture, small_files: Path) -> None:
    assert benchmark.pedantic(scan, (small_files,), rounds=3, warmup_rounds=1) == SMALL_FILES
    ratio(
        f"tar of 50,000 small files ({small_files.stat().st_size >> 20} MiB), tarfile and hashlib",
        lambda: seconds(scan, small_files),
        lambda: seconds(scan_by_tarfile, small_files),
    )


@pytest.mark.benchmark(group="scan: gzip layer of 200 MiB")
def test_scan_gzip(benchmark: BenchmarkFixture, gzip_layer: Path) -> None:
    assert benchmark.pedantic(scan, (gzip_layer,), rounds=3, warmup_rounds=1) > 100
    ratio(
        "gzip layer of 200 MiB, gzip and hashlib",
        lambda: seconds(scan, gzip_layer),
        lambda: seconds(digests_by_gzip, gzip_layer),
    )
