"""Whole builds with the real command line, server and store."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lamella.cli.build_options import this_platform
from lamella.cli.server_process import running_server
from lamella.layers import media_types
from lamella.layers.image import descriptor_json
from lamella.layers.oci_layout import OciLayout
from lamella.layers.oci_layout_writer import OciLayoutWriter, encode
from lamella.model import MEDIA_TYPE_LAYER_GZIP, Descriptor, Digest, Platform
from tests.system.lamella import lamella, misses, succeed

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
AMD64 = Platform("linux", "amd64")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("server") / "data") as address:
        yield address


def context(folder: Path, dockerfile: str, **files: str) -> Path:
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def extract(layout: Path) -> dict[str, tarfile.TarInfo]:
    """Return what the layers of a layout's only image make, by path."""
    reader = OciLayout(layout)
    found: dict[str, tarfile.TarInfo] = {}
    for layer in reader.image("", AMD64).layers:
        with tarfile.open(reader.layer_path(layer.descriptor)) as tar:
            for member in tar:
                folder, _, name = member.name.rpartition("/")
                if name.startswith(".wh."):
                    del found[f"{folder}/{name[4:]}".lstrip("/")]
                else:
                    found[member.name] = member
    return found


@pytest.mark.parametrize("name", ["web-service", "python-app", "static-site"])
def test_a_second_builder_gets_every_step_and_the_same_bytes(server: str, tmp_path: Path, name: str) -> None:
    options = ("--scope", f"warm/{name}", "--tag", "app:1")
    cold = succeed("build", EXAMPLES / name, "-o", tmp_path / "one", *options, server=server)
    warm = succeed("build", EXAMPLES / name, "-o", tmp_path / "two", *options, server=server, LAMELLA_BUILDER="second")
    assert (cold["hits"], warm["misses"]) == (0, 0)
    assert warm["manifest"] == cold["manifest"]
    files = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "one", tmp_path / "two")
    ]
    assert files[0] == files[1]
    assert warm["bytes_sent"] < cold["bytes_sent"] / 10


def test_after_a_change_exactly_the_steps_from_there_on_are_built(server: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "python-app", tmp_path / "app", symlinks=True)
    arguments = ("build", tmp_path / "app", "--platform", "linux/amd64", "--scope", "test/changed")
    first = succeed(*arguments, server=server)
    with (tmp_path / "app" / "src" / "shipping" / "server.py").open("a") as file:
        file.write("# changed\n")
    second = succeed(*arguments, server=server)
    instructions = [step["instruction"] for step in first["steps"]]
    start = next(place for place, text in enumerate(instructions) if " src/ " in text)
    assert misses(second) == instructions[start:]


def test_an_ignored_file_does_not_matter(server: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "python-app", tmp_path / "app", symlinks=True)
    arguments = ("build", tmp_path / "app", "--scope", "test/ignored")
    succeed(*arguments, server=server)
    (tmp_path / "app" / "scripts" / "release.sh").write_text("changed")
    assert misses(succeed(*arguments, server=server)) == []


def test_an_artefact_that_stays_the_same_hits_although_its_stage_is_built_again(server: str, tmp_path: Path) -> None:
    dockerfile = "FROM scratch AS made\nCOPY . /src/\nFROM scratch\nCOPY --from=made /src/kept /kept\nLABEL a=b\n"
    folder = context(tmp_path / "app", dockerfile, kept="same", other="before")
    arguments = ("build", folder, "--scope", "test/cut-off")
    first = succeed(*arguments, server=server)
    (folder / "other").write_text("after")
    second = succeed(*arguments, server=server)
    assert misses(second) == ["COPY . /src/"]
    assert second["manifest"] == first["manifest"]


def test_nothing_is_looked_up_without_the_cache_and_the_image_is_the_same(server: str, tmp_path: Path) -> None:
    arguments = ("build", EXAMPLES / "static-site", "--scope", "test/no-cache")
    first = succeed(*arguments, server=server)
    second = succeed(*arguments, "--no-cache", server=server)
    assert second["hits"] == 0
    assert second["manifest"] == first["manifest"]


def test_times_come_from_source_date_epoch_and_are_part_of_the_key(server: str, tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "FROM scratch\nCOPY file /\n", file="x")
    arguments = ("build", folder, "--scope", "test/epoch")
    succeed(*arguments, server=server)
    dated = succeed(*arguments, "-o", tmp_path / "dated", server=server, SOURCE_DATE_EPOCH="1700000000")
    assert dated["misses"] == 1
    assert extract(tmp_path / "dated")["file"].mtime == 1_700_000_000
    assert OciLayout(tmp_path / "dated").image("", AMD64).configuration["created"] == "2023-11-14T22:13:20Z"


def test_the_build_platform_is_this_machine_s_whatever_is_built_for(server: str, tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "ARG BUILDPLATFORM\nFROM scratch\nARG BUILDPLATFORM\nLABEL on=$BUILDPLATFORM\n")
    succeed("build", folder, "--platform", "linux/s390x", "-o", tmp_path / "out", server=server)
    image = OciLayout(tmp_path / "out").image("", Platform("linux", "s390x"))
    assert image.configuration["config"]["Labels"] == {"on": str(this_platform())}


def test_nothing_is_copied_from_scratch(server: str, tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "FROM scratch\nCOPY --from=scratch / /made/\nCOPY --from=scratch f* /\n")
    succeed("build", folder, "-o", tmp_path / "out", server=server)
    assert list(extract(tmp_path / "out")) == ["made"]


def test_a_name_that_is_not_utf_8_is_shown(server: str, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 \xe2\x80\xa6")
    path.touch()
    for encoding in ("utf-8", "latin-1"):
        assert succeed("push", path, server=server, PYTHONIOENCODING=encoding)["blobs"][0]["path"] == str(path)
        done = lamella("push", path, server=server, PYTHONIOENCODING=encoding)
        assert (done.returncode, "/caf\\udce9 " in done.stdout) == (0, True), done.stderr


def test_builders_that_race_end_with_one_image(server: str) -> None:
    def build(number: int) -> Any:
        arguments = ("build", EXAMPLES / "web-service", "--scope", "test/race", "--builder", f"racer-{number}")
        return succeed(*arguments, server=server)

    with ThreadPoolExecutor(3) as threads:
        assert len({build["manifest"] for build in threads.map(build, range(3))}) == 1


def test_scopes_do_not_see_each_other(server: str, tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "FROM scratch\nCOPY file /\n", file="scoped")
    succeed("build", folder, "--scope", "test/scoped", server=server)
    assert succeed("build", folder, "--scope", "test/other", server=server)["misses"] == 1
    assert succeed("build", folder, "--scope", "test/scoped@branch", server=server)["misses"] == 0


BASE_FILES = {
    "etc/passwd": b"root:x:0:0::/:/bin/sh\napp:x:1000:1001::/:/bin/sh\n",
    "etc/group": b"root:x:0:\nstaff:x:50:\n",
    "opt/old": b"old",
}


def base_image(folder: Path) -> None:
    """Write an image with two gzip layers, the second of which hides a file of the first and adds a symlink."""

    def layer(add: list[tuple[str, bytes | str | None]]) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, content in add:
                info = tarfile.TarInfo(name)
                if isinstance(content, str):
                    info.type, info.linkname = tarfile.SYMTYPE, content
                elif content is None:
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                else:
                    info.size = len(content)
                tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
        return buffer.getvalue()

    tars = [
        layer([("etc", None), ("opt", None), *BASE_FILES.items()]),
        layer([("opt/.wh.old", b""), ("srv", None), ("srv/data", "/opt")]),
    ]
    writer = OciLayoutWriter(folder)

    def add(data: bytes, media_type: str) -> Descriptor:
        writer.add_bytes(Digest.of(data), data)
        return Descriptor(Digest.of(data), len(data), media_type)

    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "User": "app"},
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar)) for tar in tars]},
        "history": [{"created_by": "base"}],
    }
    manifest = {
        "schemaVersion": 2,
        "config": descriptor_json(add(encode(config), media_types.CONFIG)),
        "layers": [descriptor_json(add(gzip.compress(tar, mtime=0), MEDIA_TYPE_LAYER_GZIP)) for tar in tars],
    }
    writer.finish(add(encode(manifest), media_types.MANIFEST), AMD64, "base:1")


def test_a_base_image_is_built_upon_with_its_symlinks_accounts_and_configuration(server: str, tmp_path: Path) -> None:
    base_image(tmp_path / "base")
    folder = context(
        tmp_path / "app",
        "FROM base:1\nWORKDIR work\nCOPY --chown=app:staff --chmod=u=rw,go= file /srv/data/\n"
        "COPY tree/ /srv/data/tree\nCOPY --from=base:1 /etc/passwd accounts\nENV A=1\n",
        file="x",
        tree__sub__leaf="y",
    )
    arguments = ("build", folder, "--platform", "linux/amd64", "-o", tmp_path / "out", "--scope", "test/base", "--push")
    named = f"base:1=oci-layout://{tmp_path / 'base'}:1"
    built = succeed(*arguments, "--build-context", named, server=server)
    found = extract(tmp_path / "out")
    assert "opt/old" not in found
    assert (found["opt/file"].mode, found["opt/file"].uid, found["opt/file"].gid) == (0o600, 1000, 50)
    assert found["opt/tree/sub/leaf"].isfile()
    assert (found["work"].uid, found["work"].gid) == (1000, 1001)
    assert found["work/accounts"].size == len(BASE_FILES["etc/passwd"])
    configuration = OciLayout(tmp_path / "out").image("", AMD64).configuration
    assert configuration["config"]["User"] == "app"
    assert configuration["config"]["Env"] == ["PATH=/bin", "A=1"]
    assert [entry["created_by"] for entry in configuration["history"]][:2] == ["base", "WORKDIR work"]
    assert [entry.get("empty_layer", False) for entry in configuration["history"][1:]] == [False] * 4 + [True]
    again = succeed(*arguments[:4], "--scope", "test/base", "--build-context", named, server=server)
    assert (again["misses"], again["manifest"]) == (0, built["manifest"])
    pulled = succeed("pull", built["manifest"], "-o", tmp_path / "pulled", server=server)
    assert pulled["kind"] == "image"
    assert extract(tmp_path / "pulled").keys() == found.keys()


def test_a_run_step_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "FROM scratch\nCOPY file /\nRUN make\n", file="x")
    done = lamella("build", folder)  # no server answers, and none is asked
    assert done.returncode == 1
    assert f"{folder / 'Dockerfile'}:3: RUN cannot be built yet" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_base_image_that_was_not_given_is_told_with_the_option(tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "FROM debian:12\n")
    done = lamella("build", folder)
    assert done.returncode == 1
    assert "--build-context debian:12=oci-layout://" in done.stderr


def test_a_server_that_does_not_answer_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    done = lamella("build", context(tmp_path / "app", "FROM scratch\nLABEL a=b\n"))
    assert done.returncode == 3
    assert "lamella serve" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_unknown_owner_is_told_with_the_line(server: str, tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "FROM scratch\nCOPY --chown=nobody file /\n", file="x")
    done = lamella("build", folder, server=server)
    assert done.returncode == 1
    assert "Dockerfile:2: COPY: owner 'nobody': 'nobody' is not in /etc/passwd of the image" in done.stderr


def test_files_are_pushed_once_and_pulled_back(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"some bytes" * 100_000)
    first = succeed("push", tmp_path / "file", server=server)
    second = succeed("push", tmp_path / "file", server=server)
    assert [part["blobs"][0]["sent"] for part in (first, second)] == [True, False]
    succeed("pull", first["blobs"][0]["digest"], "-o", tmp_path / "back", server=server)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()


def test_a_layout_is_pushed_and_pulled_as_an_image(server: str, tmp_path: Path) -> None:
    base_image(tmp_path / "base")
    pushed = succeed("push", tmp_path / "base", server=server)
    manifest = OciLayout(tmp_path / "base").image("", AMD64).manifest.digest
    assert str(manifest) in [blob["digest"] for blob in pushed["blobs"]]
    succeed("pull", manifest, "-o", tmp_path / "out.tar", "-t", "base:1", server=server)
    with tarfile.open(tmp_path / "out.tar") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert OciLayout(tmp_path / "out").image("base:1", AMD64).manifest.digest == manifest


def test_layers_that_the_folder_has_are_not_fetched_again(server: str, tmp_path: Path) -> None:
    base_image(tmp_path / "base")
    succeed("push", tmp_path / "base", server=server)
    image = OciLayout(tmp_path / "base").image("", AMD64)
    layers = [layer.descriptor.digest for layer in image.layers]
    damaged = tmp_path / "out" / "blobs" / "sha256" / layers[0].hex
    for there in ([], layers, layers[1:]):
        pulled = succeed("pull", image.manifest.digest, "-o", tmp_path / "out", server=server)
        assert pulled["layers_there"] == list(map(str, there))
        for layer in image.layers:
            OciLayout(tmp_path / "out").layer_path(layer.descriptor)  # raises where it is not what it should be
        if there:
            damaged.write_bytes(b"not what the digest says")


def test_a_digest_that_the_server_does_not_have_is_named(server: str, tmp_path: Path) -> None:
    digest = Digest.of(b"nobody has this")
    done = lamella("pull", str(digest), "-o", tmp_path / "file", server=server)
    assert done.returncode == 1
    assert str(digest) in done.stderr


def test_resolve_tells_what_a_build_would_find(server: str, tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "FROM scratch\nCOPY one /\nCOPY two /\nLABEL a=b\n", one="1", two="2")
    arguments = (folder, "--scope", "test/resolve")
    assert [s["status"] for s in succeed("resolve", *arguments, server=server)] == ["miss", "unknown", "unknown"]
    built = succeed("build", *arguments, server=server)
    (folder / "two").write_text("3")
    answers = succeed("resolve", *arguments, server=server)
    assert [answer["status"] for answer in answers] == ["hit", "miss", "unknown"]
    assert answers[0]["key"] == built["steps"][0]["key"]


def test_statistics_count_what_builders_did(server: str, tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "FROM scratch\nCOPY file /\nLABEL a=b\n", file="counted")
    for builder in ("one", "two"):
        succeed("build", folder, "--scope", "test/stats", "--builder", builder, server=server)
    rows = succeed("stats", "--by", "builder", "--project", "test/stats", "--since", "1d", server=server)
    counted = {row["builder"]: (row["lookups"], row["hits"], row["misses"], row["commits"]) for row in rows["rows"]}
    assert counted == {"one": (2, 0, 2, 2), "two": (2, 2, 0, 0)}


def test_a_terminal_shows_steps_as_they_are_done(server: str, tmp_path: Path) -> None:
    folder = context(tmp_path / "app", "FROM scratch\nCOPY file /\nLABEL a=b\n", file="watched")
    command = [
        sys.executable,
        "-m",
        "lamella.cli.main",
        "build",
        str(folder),
        "--server",
        server,
        "--build-arg",
        "odd=1",
    ]
    seen = b""
    master, terminal = os.openpty()
    with subprocess.Popen(command, stderr=terminal, stdout=subprocess.DEVNULL) as build:
        os.close(terminal)
        with suppress(OSError):  # the end of a terminal nobody has open any more
            while part := os.read(master, 65536):
                seen += part
    os.close(master)
    assert build.returncode == 0
    for text in (b"warning:", b"--build-arg odd", b"COPY file /", b"LABEL a=b", b"2/2"):
        assert text in seen


def test_a_data_folder_is_looked_after(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as address:
        (tmp_path / "file").write_bytes(b"x" * 100_000)
        succeed("push", tmp_path / "file", server=address)
        busy = lamella("admin", "reindex", tmp_path / "data")
        assert busy.returncode == 1
        assert "in use" in busy.stderr
    usage = json.loads(lamella("admin", "usage", tmp_path / "data", "--json").stdout)
    assert usage["places"][0] == {"where": "files", "blobs": 1, "bytes": 100_000, "stored_bytes": 100_000}
    assert (usage["bytes"], usage["stored_bytes"]) == (100_000, 100_000)
    assert "100.0 kB" in lamella("admin", "usage", tmp_path / "data").stdout
    report = json.loads(lamella("admin", "reindex", tmp_path / "data", "--json").stdout)
    assert (report["files"], report["lost"]) == (1, 0)
    assert "not the data folder" in lamella("admin", "usage", tmp_path).stderr
