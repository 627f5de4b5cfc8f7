"""A Docker engine with BuildKit, as ``.ci/fetch-buildkit`` unpacks it, in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.system.containers import SECONDS, require, run

if TYPE_CHECKING:
    from collections.abc import Iterator

UNPACKED = Path(__file__).parents[2] / ".cache" / "buildkit"
PROGRAMS = (UNPACKED / "usr" / "bin", UNPACKED / "usr" / "sbin")
CAP_SYS_ADMIN = 21
STEP = re.compile(r"\[(?!internal\] )(?P<step>.+)", re.DOTALL)
DOCUMENT = re.compile(r"^\{", re.MULTILINE)


def require_docker() -> None:
    """Skip a test, saying what the machine lacks."""
    if not (UNPACKED / "complete").exists():
        pytest.skip("Docker with BuildKit is not unpacked (.ci/fetch-buildkit fetches it)")
    require("runc", "busybox")
    capabilities = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert capabilities is not None
    if not int(capabilities[1], 16) >> CAP_SYS_ADMIN & 1:
        pytest.skip("Docker cannot run here: this process may not mount file systems (CAP_SYS_ADMIN)")
    if not any(Path("/sys/fs/cgroup").iterdir()):
        pytest.skip("Docker cannot run here: no cgroups are mounted")


class Machine:
    """A builder of a farm with an engine of its own, which begins with nothing."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self._environment = {
            "PATH": os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]]),
            "DOCKER_HOST": f"unix://{socket}",
            "DOCKER_CONFIG": str(folder / "client"),
        }
        self.folder = folder

    def docker(self, *arguments: object) -> str:
        return run("docker", *arguments, **self._environment)

    def build(self, context: Path, *options: str, tag: str = "app") -> list[str]:
        """Build an image and return the steps that were neither cached here nor fetched from a cache."""
        how = ("--network", "none", "--provenance", "false", "--progress", "rawjson", "--tag", tag)
        with (self.folder / "progress").open("w+") as progress:
            command = ["docker", "buildx", "build", *how, *options, str(context)]
            done = subprocess.run(command, env=self.environment, stderr=progress, check=False)
            progress.seek(0)
            text = progress.read()
        assert done.returncode == 0, text
        started, cached = _steps(text)
        assert started, text
        return [step for vertex, step in started.items() if vertex not in cached]

    def image_id(self, tag: str = "app") -> str:
        return self.docker("image", "inspect", "--format", "{{.Id}}", tag).strip()

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self._environment}


def _steps(progress: str) -> tuple[dict[str, str], set[str]]:
    """Return the steps that were started, by their vertex, and the vertices that were ever said to be cached.

    A step that comes from a cache is cached at first; then it starts anew, as one that is not, to fetch its layers.
    What is meant for people leaves out the first where both happen within one moment.
    """
    started: dict[str, str] = {}
    cached: set[str] = set()
    for match in DOCUMENT.finditer(progress):
        document, _ = json.JSONDecoder().raw_decode(progress, match.start())
        for vertex in document.get("vertexes", []):
            step = STEP.fullmatch(vertex["name"])
            if step is not None and "started" in vertex:
                started[vertex["digest"]] = step["step"]
                if vertex.get("cached"):
                    cached.add(vertex["digest"])
    return started, cached


@contextmanager
def machine(folder: Path, registry: str) -> Iterator[Machine]:
    """Run an engine that may use a registry, ``host:port``, without TLS."""
    plugins = folder / "client" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(UNPACKED / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-buildx")
    config = {"features": {"containerd-snapshotter": True}, "insecure-registries": [registry]}
    (folder / "daemon.json").write_text(json.dumps(config))
    # The paths of its sockets have to be short.
    with tempfile.TemporaryDirectory() as runtime, (folder / "log").open("w+") as log:
        found = Machine(folder, Path(runtime) / "socket")
        paths = {
            "--config-file": folder / "daemon.json",
            "--data-root": folder / "data",
            "--exec-root": Path(runtime) / "exec",
            "--pidfile": Path(runtime) / "pid",
        }
        network = ("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false")
        options = [f"{option}={path}" for option, path in paths.items()]
        command = ["dockerd", f"--host={found.environment['DOCKER_HOST']}", *options, *network]
        with subprocess.Popen(command, env=found.environment, stderr=log) as process:
            try:
                _wait(process, folder / "log")
                yield found
            finally:
                process.terminate()
                process.wait(SECONDS)
                # Where it did not come up, it leaves its folder mounted upon itself.
                if (folder / "data").is_mount():
                    run("umount", "--recursive", folder / "data")


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until an engine answers."""
    deadline = time.monotonic() + SECONDS
    while "API listen on" not in (said := log.read_text()):
        assert process.poll() is None, said[-2000:]
        assert time.monotonic() < deadline, said[-2000:]
        time.sleep(0.1)
