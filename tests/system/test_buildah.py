"""buildah, unmodified, with its layer cache in the registry (``--cache-to``, ``--cache-from``)."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.http.process import RegistryProcess, serving
from tests.system.containers import counters, require, run, trust_everything

BUSYBOX = Path("/bin/busybox")
DOCKERFILE = """
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "/bin"]
COPY message /message
RUN /bin/sh -c "cat /message /message > /twice"
ENV GREETING=hello
"""
STEPS = 5
"""Instructions after FROM: each is a lookup while all before it hit."""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context with a static shell."""
    require("buildah", "runc", "busybox")
    folder = tmp_path / "context"
    folder.mkdir()
    shutil.copy(BUSYBOX, folder / "busybox")
    (folder / "message").write_text("first\n")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


class Builder:
    """A machine of a farm: its storage is its own."""

    def __init__(self, folder: Path, server: RegistryProcess) -> None:
        folder.mkdir()
        self._storage = ("--root", folder / "root", "--runroot", folder / "run", "--storage-driver", "vfs")
        self._policy = trust_everything(folder)
        self._cache = f"{server.http}/cache/app"

    def build(self, context: Path) -> str:
        """Build with the cache and return the image's ID."""
        cache = ("--cache-to", self._cache, "--cache-from", self._cache)
        how = ("--layers", "--isolation", "chroot", "--tls-verify=false", "--signature-policy", self._policy)
        run("buildah", *self._storage, "build", *how, *cache, "--tag", "app", context)
        return run("buildah", *self._storage, "inspect", "--type", "image", "--format", "{{.FromImageID}}", "app")


def counted(server: RegistryProcess, hits: int, misses: int) -> tuple[int, int, int]:
    found = counters(server.grpc, "default/cache/app", hits=hits, misses=misses)
    return found["lookups"], found["hits"], found["misses"]


def test_a_second_builder_hits_every_step_and_gets_the_same_image(tmp_path: Path, context: Path) -> None:
    with serving(tmp_path / "data") as server:
        cold = Builder(tmp_path / "one", server).build(context)
        # After the first miss buildah asks no more.
        assert counted(server, 0, 1) == (1, 0, 1)
        warm = Builder(tmp_path / "two", server).build(context)
        assert warm == cold
        assert counted(server, STEPS, 1) == (STEPS + 1, STEPS, 1)


def test_a_changed_file_misses_from_its_copy_on(tmp_path: Path, context: Path) -> None:
    with serving(tmp_path / "data") as server:
        before = Builder(tmp_path / "one", server).build(context)
        (context / "message").write_text("second\n")
        changed = Builder(tmp_path / "two", server).build(context)
        assert changed != before
        assert counted(server, 2, 2) == (4, 2, 2)
        assert Builder(tmp_path / "three", server).build(context) == changed
        assert counted(server, 2 + STEPS, 2) == (4 + STEPS, 2 + STEPS, 2)


def test_two_builders_at_once_and_two_workers(tmp_path: Path, context: Path) -> None:
    """Every request of buildah 1.28 comes on a connection of its own, and so to either worker."""
    with serving(tmp_path / "data", workers=2) as server:
        builders = [Builder(tmp_path / name, server) for name in ("one", "two")]
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda builder: builder.build(context), builders))
        third, fourth = (Builder(tmp_path / name, server).build(context) for name in ("three", "four"))
        assert third == fourth
        found = counters(server.grpc, "default/cache/app", hits=2 * STEPS)
        assert found["hits"] >= 2 * STEPS
