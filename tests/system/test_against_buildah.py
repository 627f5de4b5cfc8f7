"""Images that Lamella builds, against those that buildah builds from the same Dockerfile and context.

The Dockerfiles are in ``tests/data/against_buildah``, the context is that of ``write_context``. Images are compared as
what a container sees: files (path, type, mode, owner, link target, content) and the ``config`` object. Where the two
builders differ on purpose, ``ACCEPTED`` says what Lamella gives and why: BuildKit decides.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.buildah import Buildah
from tests.system.builds import Builder
from tests.system.contexts import write_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is missing: apt-get install buildah"),
]

DOCKERFILES = Path(__file__).parents[1] / "data" / "against_buildah"
CASES = sorted(path.stem for path in DOCKERFILES.glob("*.Dockerfile"))
BASES = ("base", "rich")
"""Cases that others start from, by the name ``localhost/NAME``; each builder has them from itself."""
ARGUMENTS = {"arguments": {"X": "given"}}
TARGETS = {"target": "one"}


def content(text: str) -> str:
    """Return how ``Files`` names a content."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def content_of(name: str) -> str:
    """Return the same for a file of the context."""
    return content(f"{name}\n")


@dataclass(frozen=True)
class Difference:
    """What Lamella gives where buildah gives another thing: files by path, and fields of ``config``; and why."""

    why: str
    files: dict[str, str | None] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


def archive(folder: str, owner: str) -> dict[str, str | None]:
    """Return what ``archive.tar`` holds, all of one owner."""
    return {
        f"{folder}/tmp": f"directory 755 {owner}",
        f"{folder}/tmp/x": f"file 600 {owner} {content('x')}",
        f"{folder}/top": f"file 644 {owner} {content('top')}",
        f"{folder}/unpacked": f"directory 750 {owner}",
        f"{folder}/unpacked/file": f"file 604 {owner} {content('content')}",
        f"{folder}/unpacked/link": f"symlink {owner} file",
    }


ACCEPTED = {
    "wildcard-folders": Difference(
        "the later match replaces the earlier in BuildKit; buildah keeps the first",
        {"c/one": f"file 644 0:0 {content_of('other/one')}"},
    ),
    "archive-with-owner": Difference("BuildKit gives what it unpacks the owner of --chown", archive("a", "7:8")),
    "archive-over-base": Difference("as above", archive("srv/data/inner", "1000:1001")),
    "onto-symlinks": Difference(
        "a destination that is a symlink is followed in BuildKit, wherever it leads; buildah replaces it",
        {
            "d/one": f"file 644 0:0 {content_of('a.txt')}",
            "d/near": "symlink 0:0 one",
            "d/does/not/exist": f"file 644 0:0 {content_of('a.txt')}",
            "d/does/not/exist/a.txt": None,
        },
    ),
    "volumes": Difference("BuildKit makes no folder for a volume", {"c d": None, "e": None}),
    "ignore-re-include-in-left-out": Difference(
        "folders on the way to what is let in again are the context's own in BuildKit",
        {"x/dir": "directory 750 0:0", "x/dir/sub": "directory 700 0:0"},
    ),
    "ignore-everything": Difference(
        "the last pattern that matches decides, says the reference; buildah does not look into a folder left out",
        {"x/src": "directory 755 0:0", "x/src/main.js": f"file 644 0:0 {content_of('src/main.js')}"},
    ),
    "ignore-doublestar": Difference(
        "as above",
        {
            "x/src/node_modules": "directory 755 0:0",
            "x/src/node_modules/dep": "directory 755 0:0",
            "x/src/node_modules/dep/index.js": f"file 644 0:0 {content_of('src/node_modules/dep/index.js')}",
        },
    ),
    "arguments": Difference(
        "in BuildKit an ARG hides an earlier ENV (docker/cli#3344)", config={"Labels": {"x": "env", "l": "given"}}
    ),
    "argument-defaults": Difference(
        "as above, also for the ENV of a base image",
        config={"Labels": {"of": "base", "u": "two words", "v": "two words", "w": "", "b": "arg", "p": "none"}},
    ),
    "shell": Difference(
        "SHELL is for CMD and ENTRYPOINT too, says the reference; buildah 1.28 has it only for RUN",
        config={"Cmd": ["/bin/bash", "-euc", "x | y"], "Entrypoint": ["/bin/bash", "-euc", "z"]},
    ),
    "ports-many": Difference(
        "BuildKit takes ranges apart and writes protocols in lower case",
        config={"ExposedPorts": {"80/tcp": {}, **{f"{port}/udp": {} for port in range(8000, 8004)}}},
    ),
}


@pytest.fixture(scope="module")
def builder(server: str) -> Builder:
    """Lamella, with one cache for all cases: a hit that should be none shows as a difference."""
    return Builder(server)


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    storage = Buildah(tmp_path_factory.mktemp("buildah"))
    yield storage
    storage.remove_images()


@pytest.fixture(scope="module")
def bases(builder: Builder, buildah: Buildah, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return Lamella's layouts of the images that cases start from, once the two builders agree about them."""
    layouts: dict[str, Path] = {}
    for name in BASES:
        folder = tmp_path_factory.mktemp(name)
        compare(builder, buildah, folder, name, layouts)
        layouts[f"localhost/{name}"] = folder / "layout"
    return layouts


@pytest.mark.parametrize("name", [name for name in CASES if name not in BASES])
def test_the_image_is_what_buildah_builds(
    builder: Builder, buildah: Buildah, bases: dict[str, Path], tmp_path: Path, name: str
) -> None:
    compare(builder, buildah, tmp_path, name, bases)


def compare(builder: Builder, buildah: Buildah, folder: Path, name: str, bases: Mapping[str, Path]) -> None:
    context = folder / "context"
    context.mkdir()
    write_context(context)
    shutil.copy(DOCKERFILES / f"{name}.Dockerfile", context / "Dockerfile")
    with suppress(FileNotFoundError):
        shutil.copy(DOCKERFILES / f"{name}.dockerignore", context / ".dockerignore")
    target, arguments = TARGETS.get(name, ""), ARGUMENTS.get(name, {})
    ours = builder.build(context, folder / "layout", target=target, arguments=arguments, bases=bases)
    their_files, their_config = buildah.build(context, name, target=target, arguments=arguments)
    accepted = ACCEPTED.get(name, Difference(""))
    assert differing(ours.files, their_files) == accepted.files
    assert differing(plain(ours.config), plain(their_config)) == accepted.config


def differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``ours`` has under each key where the two differ."""
    return {key: ours.get(key) for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)}


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """Return a ``config`` object without what means nothing: empty fields, the root as working folder, Env's order."""
    told = {key: value for key, value in config.items() if value and key not in {"Hostname", "Image"}}
    if told.get("WorkingDir") == "/":
        del told["WorkingDir"]
    return told | {"Env": sorted(config["Env"])}
