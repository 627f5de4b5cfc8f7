"""Hashing and layer scans beside their peers: OpenSSL, and Python's ``tarfile``, ``gzip`` and ``hashlib``.

Nothing is asserted of the ratios: they are printed, with their spread, for whoever compares.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import random
import shutil
import subprocess
import sysconfig
import tarfile
import time
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from benches.peers import ratio
from lamella import _core

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

BLOCK = 1 << 20
SMALL_FILES = 50_000
MIXED_BYTES = 200 << 20


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
    """Real files, source and binary, of this Python and its packages: a tar of about 200 MiB, as ``gzip -6``."""
    folder = tmp_path_factory.mktemp("mixed")
    plain = folder / "layer.tar"
    with tarfile.open(plain, "w") as tar:
        for number in range(100):
            for name in ("platlib", "stdlib"):
                tar.add(sysconfig.get_path(name), f"copy{number}/{name}")
                if plain.stat().st_size >= MIXED_BYTES:
                    break
            else:
                continue
            break
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
    command = ["openssl", "speed", "-mr", "-seconds", "1", "-bytes", "16384", "-evp", "sha256"]
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
