"""Builds in which something happens: files that change, builders that race, servers and layers that go away."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tarfile
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from lamella import _core
from lamella.cli.progress import Quiet
from lamella.cli.server_process import running_server
from lamella.client import Blob, Client, ClientError
from lamella.errors import DockerfileError
from lamella.model import MEDIA_TYPE_LAYER, Descriptor, Digest, Layer, StepResult
from lamella.steps.key import step_key
from tests.system.farm import Farm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lamella.builder.report import Outcome
    from lamella.steps.plan import Plan, PlannedStep
    from tests.system.builds import Built


class Interfering(Quiet):
    """Does something once, at a certain moment of a build: after planning, or as the first step starts or is done."""

    def __init__(self, moment: str, deed: Callable[[PlannedStep], object]) -> None:
        self._moment = moment
        self._deed: Callable[[PlannedStep], object] | None = deed

    def planned(self, plan: Plan) -> None:
        self._at("planned", plan.steps[0])

    def started(self, step: PlannedStep) -> None:
        self._at("started", step)

    def done(self, outcome: Outcome) -> None:
        self._at("done", outcome.step)

    def _at(self, moment: str, step: PlannedStep) -> None:
        if moment == self._moment and self._deed is not None:
            deed, self._deed = self._deed, None
            deed(step)


@pytest.fixture
def farm(server: str, tmp_path: Path) -> Farm:
    farm = Farm(server, tmp_path)
    (farm.context / "d").mkdir()
    (farm.context / "d/a").write_text("first")
    (farm.context / "d/link").symlink_to("a")
    with tarfile.open(farm.context / "d/archive.tar", "w") as archive:
        archive.add(farm.context / "d/a", "in-archive")
    return farm


def rewrite_archive(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b"first", b"later"))


REFUSED: dict[str, Callable[[Path], object]] = {
    "content": lambda at: (at / "d/a").write_text("later"),
    "shorter": lambda at: (at / "d/a").write_text(""),
    "gone": lambda at: (at / "d/a").unlink(),
    "archive": lambda at: rewrite_archive(at / "d/archive.tar"),
    "archive no more": lambda at: (at / "d/archive.tar").write_text("no archive"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_changes_after_planning_stops_the_build_and_poisons_nothing(farm: Farm, name: str) -> None:
    farm.dockerfile("FROM scratch\nADD d/archive.tar /x/\nCOPY d /d/\n")
    before = {path: path.read_bytes() for path in (farm.context / "d/a", farm.context / "d/archive.tar")}
    with pytest.raises(DockerfileError, match=r"Dockerfile:[23]: (ADD|COPY): "):
        farm.build_cached(reporter=Interfering("planned", lambda _: REFUSED[name](farm.context)))
    if (farm.context / "d/a").exists():
        farm.build()
    for path, data in before.items():
        path.write_bytes(data)
    farm.build()


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


UNSEEN: dict[str, Callable[[Path], object]] = {
    "more at the end": lambda at: (at / "d/a").write_text("first and more"),
    "mode": lambda at: (at / "d/a").chmod(0o600),
    "symlink": lambda at: replace(at / "d/link", lambda path: path.symlink_to("elsewhere")),
    "new file": lambda at: (at / "d/new").write_text("new"),
    "ignore file": lambda at: (at / ".dockerignore").write_text("**"),
    "same content again": lambda at: replace(at / "d/a", lambda path: path.write_text("first")),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_else_changes_after_planning_is_not_in_the_image(farm: Farm, name: str) -> None:
    farm.dockerfile("FROM scratch\nCOPY d /d/\n")
    expected = farm.build_fresh()
    built = farm.build_cached(reporter=Interfering("planned", lambda _: UNSEEN[name](farm.context)))
    assert built.manifest == expected.manifest
    (farm.context / ".dockerignore").unlink(missing_ok=True)
    farm.build()


def committing(farm: Farm, tar: Path, entries: list[_core.Entry]) -> Interfering:
    """Have another builder commit another layer for the first step, just as it is started."""
    writer = _core.LayerWriter(tar)
    writer.add(entries)
    raw, size = writer.finish()
    digest = Digest(raw)

    def commit(step: PlannedStep) -> None:
        layer = Layer(Descriptor(digest, size, MEDIA_TYPE_LAYER), digest)
        with Client(farm.cached.address, scope=farm.cached.scope) as client:
            client.upload([Blob(digest, size, tar)])
            assert client.commit(step.node.step, step_key(step.node.step), StepResult(layer)).created

    return Interfering("started", commit)


def test_a_builder_that_comes_second_goes_on_with_the_layer_of_the_first(farm: Farm, tmp_path: Path) -> None:
    farm.dockerfile("FROM scratch\nCOPY d /d/\nCOPY --chown=1 d/a /d/b\n")
    other = [_core.Entry("d", "directory", mode=0o700)]
    built = farm.build_cached(reporter=committing(farm, tmp_path / "other.tar", other))
    assert {path: text.split()[:3] for path, text in built.files.items()} == {
        "d": ["directory", "700", "0:0"],
        "d/b": ["file", "644", "1:1"],
    }
    assert farm.build_cached().manifest == built.manifest


def test_without_the_cache_nothing_of_others_is_in_the_image(farm: Farm, tmp_path: Path) -> None:
    farm.dockerfile("FROM scratch\nCOPY d /d/\n")
    assert farm.build_cached(reporter=committing(farm, tmp_path / "other.tar", [])).files == {}
    uncached = farm.cached.build(farm.context, tmp_path / "uncached", use_cache=False)
    assert uncached.manifest == farm.build_fresh().manifest


@contextmanager
def server_process(data: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "lamella.cli.main", "serve", "--data-folder", str(data)]
    listen = ["--listen", f"127.0.0.1:{port}", "--http-listen", "127.0.0.1:0"]
    with subprocess.Popen([*command, *listen], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["planned", "started", "done"])
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_server_that_is_killed_costs_at_most_the_build(tmp_path: Path, moment: str, comes_back: bool) -> None:
    port, data = free_port(), tmp_path / "data"
    farm = Farm(f"127.0.0.1:{port}", tmp_path)
    for name in "abc":
        (farm.context / name).write_bytes(os.urandom(100_000))
    farm.dockerfile(
        "FROM scratch AS one\nCOPY a /\nFROM scratch AS two\nCOPY b /\nFROM one\nCOPY --from=two b /\nCOPY c /c\n"
    )
    with ExitStack() as servers:
        first = servers.enter_context(server_process(data, port))

        def kill(_: PlannedStep) -> None:
            first.kill()
            first.wait()
            if comes_back:
                servers.enter_context(server_process(data, port))

        if comes_back:
            built = farm.build_cached(reporter=Interfering(moment, kill))
            assert built.manifest == farm.build_fresh().manifest
        else:
            with pytest.raises(ClientError):
                farm.build_cached(reporter=Interfering(moment, kill))
            servers.enter_context(server_process(data, port))
        farm.build()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def losing(data: Path, tmp_path: Path) -> Iterator[Farm]:
    """Give a farm whose server loses layers, and a Dockerfile of a stage, and one that takes a file from it."""
    with running_server(data) as address:
        farm = Farm(address, tmp_path)
        (farm.context / "a").write_bytes(os.urandom(1 << 20))
        (farm.context / "b").write_text("before")
        farm.dockerfile("FROM scratch AS made\nCOPY a /a\nCOPY b /b\nFROM scratch\nCOPY --from=made /a /c\n")
        yield farm


def damage(path: Path) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(1 << 19)
        file.write(b"damaged")


def lowest_layer(data: Path, built: Built) -> Path:
    """Return the file of the layer of a build's first step."""
    layer = built.summary.outcomes[0].result.layer
    assert layer is not None
    (file,) = data.rglob(f"{layer.descriptor.digest.hex}*")
    return file


@pytest.mark.parametrize("moment", ["planned", "done"])
@pytest.mark.parametrize("harm", [damage, os.unlink])
def test_a_layer_that_is_lost_is_built_again(
    losing: Farm, data: Path, moment: str, harm: Callable[[Path], object]
) -> None:
    losing.dockerfile("FROM scratch\nCOPY a /a\nCOPY --chown=1 a /b\n")
    first = losing.build_cached()
    built = losing.build_cached(reporter=Interfering(moment, lambda _: harm(lowest_layer(data, first))))
    assert built.manifest == first.manifest
    assert built.hits == [False, True]
    assert losing.build().hits == [True, True]


def test_a_layer_that_is_lost_below_a_step_that_is_being_built_is_built_again(losing: Farm, data: Path) -> None:
    first = losing.build_cached()
    (losing.context / "b").write_text("after")
    built = losing.build_cached(reporter=Interfering("started", lambda _: lowest_layer(data, first).unlink()))
    assert built.hits == [False, False, True]
    assert losing.build().hits == [True, True, True]


def test_what_depends_on_a_lost_layer_is_built_upon_the_new_one(losing: Farm, data: Path, tmp_path: Path) -> None:
    path = losing.context / "other"
    path.write_bytes(os.urandom(1 << 20))
    content = _core.hash_file(path)
    other = [_core.Entry("a", "file", mode=0o600, size=content[1], digest=content[0], source=str(path))]
    first = losing.build_cached(reporter=committing(losing, tmp_path / "other.tar", other))
    (losing.context / "b").write_text("after")
    built = losing.build_cached(reporter=Interfering("started", lambda _: lowest_layer(data, first).unlink()))
    assert built.hits == [False, False, False]
    assert built.manifest == losing.build().manifest != first.manifest
