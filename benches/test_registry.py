"""The registry beside Debian's docker-registry, both as processes of their own with a file store on the same disk.

Measured in turns, so that what else the machine does falls on both. ``pytest benches/test_registry.py -s`` prints
medians, the spread (the least and the greatest), and the ratio of the medians.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from tests.http.process import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 5
BLOB_SIZE = 1 << 30
PIECE = 1 << 20
HEADS = 1000
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Peer:
    """A server to measure: its ``host:port`` and its process."""

    address: str
    pid: int

    def processor_seconds(self) -> float:
        """Return what its process has used so far; unlike rates, this hardly depends on what else the machine does."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """How long an operation took, and what it cost the server, both in seconds."""

    seconds: float
    processor: float


Samples: TypeAlias = dict[str, list[Sample]]

DEBIAN_CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@contextmanager
def debian_registry(folder: Path) -> Iterator[Peer]:
    """Run Debian's docker-registry."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "config.yml").write_text(DEBIAN_CONFIG.format(root=folder / "data", port=port))
    with subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield Peer(f"127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, Peer]]:
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed")
    with ExitStack() as stack:
        # Tens of gibibytes, which would otherwise stay until a later run.
        stack.callback(shutil.rmtree, tmp_path)
        ours = stack.enter_context(serving(tmp_path / "ours"))
        theirs = stack.enter_context(debian_registry(tmp_path / "theirs"))
        yield {"lamella": Peer(ours.http, ours.pid), "docker-registry": theirs}


def interleaved(servers: dict[str, Peer], measure: Callable[[str], float]) -> Samples:
    """Measure each server in turn."""
    samples: Samples = {name: [] for name in servers}
    for number in range(ROUNDS):
        order = list(servers.items())
        for name, peer in order if number % 2 == 0 else reversed(order):
            before = peer.processor_seconds()
            seconds = measure(peer.address)
            samples[name].append(Sample(seconds, peer.processor_seconds() - before))
    return samples


def report(what: str, unit: str, amount: float, samples: Samples) -> float:
    """Print rates, and return how many times the other's rate ours is."""
    medians = {}
    print(f"\n{what}")
    for name, found in samples.items():
        rates = sorted(amount / sample.seconds for sample in found)
        medians[name] = statistics.median(rates)
        spread = f"({rates[0]:.0f} to {rates[-1]:.0f})"
        processor = statistics.median(sample.processor for sample in found)
        print(f"  {name:16} {medians[name]:8.0f} {unit}  {spread:18} {processor:.2f} s of processor")
    ratio = medians["lamella"] / medians["docker-registry"]
    print(f"  ratio            {ratio:8.2f}")
    return ratio


def connect(address: str) -> closing[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection(address, timeout=120))


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"", **headers: str
) -> http.client.HTTPResponse:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    if method == "HEAD" or response.status not in (200, 206):
        response.read()
    assert response.status < 300, (method, path, response.status)
    return response


def location(response: http.client.HTTPResponse) -> str:
    found = response.headers["Location"]
    return found[found.index("/v2/") :]


def push(address: str, path: Path, digest: str, patch: bool) -> float:
    """Push a blob as BuildKit does (POST, PUT) or as docker does (POST, PATCH, PUT); returns seconds."""
    with connect(address) as connection, path.open("rb") as file:
        size = path.stat().st_size
        started = time.perf_counter()
        upload = location(ask(connection, "POST", "/v2/bench/blobs/uploads/"))
        query = f"{'&' if '?' in upload else '?'}digest=sha256:{digest}"
        target = ("PATCH", upload) if patch else ("PUT", upload + query)
        connection.putrequest(*target)
        connection.putheader("Content-Length", str(size))
        connection.putheader("Content-Type", "application/octet-stream")
        connection.endheaders()
        while piece := file.read(PIECE):
            connection.send(piece)
        response = connection.getresponse()
        response.read()
        assert response.status in (201, 202)
        if patch:
            upload = location(response)
            ask(connection, "PUT", f"{upload}{'&' if '?' in upload else '?'}digest=sha256:{digest}")
        return time.perf_counter() - started


def pull(address: str, digest: str) -> float:
    """Pull a blob and let the kernel throw it away, so that the server is what takes the time; returns seconds."""
    host, _, port = address.partition(":")
    buffer = bytearray(PIECE)
    started = time.perf_counter()
    with socket.create_connection((host, int(port)), 120) as connection:
        connection.sendall(f"GET /v2/bench/blobs/sha256:{digest} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(PIECE)
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        received = len(rest)
        # tcp(7): with MSG_TRUNC the bytes are discarded rather than copied.
        while received < BLOB_SIZE and (count := connection.recv_into(buffer, PIECE, socket.MSG_TRUNC)):
            received += count
        assert received == BLOB_SIZE
        return time.perf_counter() - started


def random_file(path: Path, size: int) -> str:
    """Write a file that no other round has, and return its digest."""
    hasher = hashlib.sha256()
    block = os.urandom(PIECE)
    with path.open("wb") as file:
        for number in range(size // PIECE):
            piece = number.to_bytes(8) + block[8:]
            hasher.update(piece)
            file.write(piece)
    return hasher.hexdigest()


@pytest.mark.parametrize("patch", [False, True], ids=["put", "patch"])
def test_push_of_one_gibibyte(servers: dict[str, Peer], tmp_path: Path, patch: bool) -> None:
    path = tmp_path / "blob"

    def measure(address: str) -> float:
        digest = random_file(path, BLOB_SIZE)
        return push(address, path, digest, patch)

    samples = interleaved(servers, measure)
    assert report(f"push of 1 GiB ({'PATCH' if patch else 'PUT'})", "MB/s", BLOB_SIZE / 1e6, samples) > 0


def test_pull_of_one_gibibyte(servers: dict[str, Peer], tmp_path: Path) -> None:
    path = tmp_path / "blob"
    digest = random_file(path, BLOB_SIZE)
    for peer in servers.values():
        push(peer.address, path, digest, patch=False)
    samples = interleaved(servers, lambda address: pull(address, digest))
    assert report("pull of 1 GiB", "MB/s", BLOB_SIZE / 1e6, samples) > 0


def test_manifest_heads(servers: dict[str, Peer], tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_bytes(b"{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    descriptor = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{digest}", "size": 2}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor, "layers": []}).encode()
    for peer in servers.values():
        push(peer.address, config, digest, patch=False)
        with connect(peer.address) as connection:
            ask(connection, "PUT", "/v2/bench/manifests/v1", manifest, **{"Content-Type": MANIFEST})

    def measure(address: str) -> float:
        with connect(address) as connection:
            started = time.perf_counter()
            for _ in range(HEADS):
                ask(connection, "HEAD", "/v2/bench/manifests/v1", Accept=MANIFEST)
            return time.perf_counter() - started

    assert report("manifest HEADs on one connection", "1/s ", HEADS, interleaved(servers, measure)) > 0
