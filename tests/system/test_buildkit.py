"""BuildKit, unmodified, with its cache in the registry (``type=registry``); docker push and pull beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import aiohttp
import pytest

from tests.http.process import RegistryProcess, serving
from tests.system.containers import counters
from tests.system.docker import machine, require_docker
from tests.system.lamella import lamella

pytestmark = pytest.mark.slow

BUSYBOX = Path("/bin/busybox")
TOOLS = """
FROM scratch AS tools
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "/bin"]

FROM tools AS compile
COPY source /source
# Nobody gets these bytes again, as with many compilers.
RUN cat /source /proc/sys/kernel/random/uuid > /program

FROM tools
COPY --from=compile /program /usr/bin/program
"""
APP = TOOLS + "RUN echo app > /etc/name"
WORKER = TOOLS + "RUN echo worker > /etc/name\nRUN echo more > /etc/more"
FORMS = ("image-manifest=true,oci-mediatypes=true", "image-manifest=false", "oci-mediatypes=false")


def write_context(folder: Path, dockerfile: str) -> Path:
    folder.mkdir()
    shutil.copy(BUSYBOX, folder / "busybox")
    (folder / "source").write_text("first\n")
    (folder / "Dockerfile").write_text(dockerfile)
    return folder


@pytest.fixture
def app(tmp_path: Path) -> Path:
    require_docker()
    return write_context(tmp_path / "app", APP)


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    return write_context(tmp_path / "worker", WORKER)


class Farm:
    """Machines that share a cache and nothing else."""

    def __init__(self, folder: Path, server: RegistryProcess) -> None:
        self._folder = folder
        self._server = server
        self.cache = f"type=registry,ref={server.http}/cache/app"

    def build(self, name: str, *contexts: Path, form: str = FORMS[0], export: bool = True) -> dict[str, list[str]]:
        """Build on a new machine; return the image and the steps that were not cached, by context."""
        (self._folder / name).mkdir()
        options = ("--cache-from", self.cache, *(("--cache-to", f"{self.cache},mode=max,{form}") if export else ()))
        found: dict[str, list[str]] = {}
        with machine(self._folder / name, self._server.http) as builder:
            for context in contexts:
                missed = builder.build(context, *options, tag=context.name)
                found[context.name] = [builder.image_id(context.name), *missed]
        return found


@pytest.mark.parametrize("form", FORMS)
def test_a_second_machine_builds_nothing_and_gets_the_same_image(tmp_path: Path, app: Path, form: str) -> None:
    with serving(tmp_path / "data") as server:
        farm = Farm(tmp_path, server)
        image, *cold = farm.build("one", app, form=form)["app"]
        assert len(cold) == 6
        assert farm.build("two", app, form=form)["app"] == [image]
        found = counters(server.grpc, "default/cache/app", lookups=1, hits=1)
        assert (found["lookups"], found["hits"]) == (1, 1)


def test_a_changed_file_is_built_from_its_copy_on(tmp_path: Path, app: Path) -> None:
    with serving(tmp_path / "data", workers=2) as server:
        farm = Farm(tmp_path, server)
        before, *_ = farm.build("one", app)["app"]
        (app / "source").write_text("second\n")
        changed, *missed = farm.build("two", app)["app"]
        assert changed != before
        assert [step.partition(" ")[0].partition("/")[0] for step in missed] == [
            "compile",
            "compile",
            "stage-2",
            "stage-2",
        ]
        (app / "source").write_text("first\n")
        assert farm.build("three", app, export=False)["app"] == [before]


@pytest.mark.parametrize("forms", [(FORMS[0], FORMS[0]), (FORMS[0], FORMS[1]), (FORMS[1], FORMS[0])])
def test_two_dockerfiles_that_export_to_one_tag_both_hit(
    tmp_path: Path, app: Path, worker: Path, forms: tuple[str, str]
) -> None:
    with serving(tmp_path / "data") as server:
        farm = Farm(tmp_path, server)
        for name, context, form in zip(("one", "two"), (app, worker), forms, strict=True):
            (tmp_path / f"cold-{name}").mkdir()
            with machine(tmp_path / f"cold-{name}", server.http) as builder:
                # Neither knows of the other, so that what they have in common differs as well.
                assert builder.build(context, "--cache-to", f"{farm.cache},mode=max,{form}")
        found = farm.build("three", app, worker, export=False)
        assert {name: missed for name, (_, *missed) in found.items()} == {"app": [], "worker": []}

        done = lamella("admin", "cache-merge", tmp_path / "data", "cache/app:latest", "--off")
        assert done.returncode == 0, done.stderr
        found = farm.build("four", app, worker, export=False)
        assert {name: bool(missed) for name, (_, *missed) in found.items()} == {"app": True, "worker": False}


async def test_a_lost_layer_is_built_again(tmp_path: Path, app: Path, worker: Path) -> None:
    with serving(tmp_path / "data") as server:
        farm = Farm(tmp_path, server)
        farm.build("one", app)
        farm.build("two", worker)
        async with aiohttp.ClientSession(f"http://{server.http}/v2/cache/app/") as session:
            async with session.get("manifests/latest") as answer:
                layers = [layer["digest"] for layer in (await answer.json(content_type=None))["layers"]]
            for layer in layers[-2:]:
                async with session.delete(f"blobs/{layer}") as answer:
                    assert answer.status == 202
        found = farm.build("three", app, worker)
        assert sum(len(missed) for _, *missed in found.values())
        assert farm.build("four", app, worker, export=False) == {name: [image] for name, (image, *_) in found.items()}


def test_docker_pushes_and_another_docker_pulls_and_runs_the_same_image(tmp_path: Path, app: Path) -> None:
    with serving(tmp_path / "data") as server:
        reference = f"{server.http}/team/app:1"
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        with machine(tmp_path / "one", server.http) as builder:
            builder.build(app, tag=reference)
            builder.docker("push", reference)
            pushed = builder.image_id(reference)
            program = builder.docker("run", "--rm", "--network", "none", reference, "cat", "/usr/bin/program")
        with machine(tmp_path / "two", server.http) as other:
            other.docker("pull", reference)
            assert other.image_id(reference) == pushed
            assert other.docker("run", "--rm", "--network", "none", reference, "cat", "/usr/bin/program") == program
