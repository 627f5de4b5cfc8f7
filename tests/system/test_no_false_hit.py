"""A cache may cost a build, but never change what it gives: attempts to make it serve something stale."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from lamella.model import Platform
from tests.system.contexts import root_file_system
from tests.system.farm import Farm, Given

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def farm(server: str, tmp_path: Path) -> Farm:
    return Farm(server, tmp_path)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_all(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        write(folder / name, text)


def write_unnoticed(path: Path, text: str) -> None:
    """Change what is in a file, and nothing that `ls` shows."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("")


def set_attribute(path: Path) -> None:
    try:
        os.setxattr(path, "user.note", b"x")
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            pytest.skip("this file system keeps no attributes")
        raise


EDITS: dict[str, Callable[[Path], object]] = {
    "content of the same size and time": lambda at: write_unnoticed(at / "d/file", "b"),
    "a line moved between two files": lambda at: write_all(at / "d", file="", other="oa"),
    "mode": lambda at: (at / "d/file").chmod(0o600),
    "set-ID bit": lambda at: (at / "d/file").chmod(0o4644),
    "folder's mode": lambda at: (at / "d/sub").chmod(0o700),
    "symlink's target": lambda at: relink(at / "d/link", "other"),
    "symlink becomes what it points to": lambda at: replace(at / "d/link", "a"),
    "symlink's spelling": lambda at: relink(at / "d/link", "./file"),
    "new empty file": lambda at: write(at / "d/new", ""),
    "new empty folder": lambda at: (at / "d/new").mkdir(),
    "empty folder gone": lambda at: (at / "d/empty").rmdir(),
    "empty folder becomes empty file": lambda at: become_file(at / "d/empty"),
    "empty file becomes empty folder": lambda at: become_folder(at / "d/nothing"),
    "name's case": lambda at: (at / "d/file").rename(at / "d/File"),
    "name": lambda at: (at / "d/file").rename(at / "d/f ile"),
    "names exchanged": lambda at: write_all(at / "d", file="o", other="a"),
    "into a folder": lambda at: (at / "d/file").rename(at / "d/sub/file"),
    "file gone": lambda at: (at / "d/file").unlink(),
    "hard link taken apart": lambda at: replace(at / "d/hard", "b"),
    "attribute": lambda at: set_attribute(at / "d/file"),
    "composed name": lambda at: (at / "d/e\u0301").rename(at / "d/\u00e9"),
    ".dockerignore": lambda at: write(at / ".dockerignore", "d/file\n"),
    ".dockerignore lets in": lambda at: write(at / ".dockerignore", "d/*\n!d/file\n"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_changes_in_a_copied_folder_is_noticed(farm: Farm, edit: str) -> None:
    for name, text in {"file": "a", "other": "o", "nothing": "", "sub/deep": "s", "e\u0301": ""}.items():
        write(farm.context / "d" / name, text)
    (farm.context / "d/empty").mkdir()
    (farm.context / "d/link").symlink_to("file")
    os.link(farm.context / "d/file", farm.context / "d/hard")
    farm.dockerfile("FROM scratch AS one\nCOPY d /d\nFROM scratch\nCOPY --from=one /d /e\n")
    before = farm.build()
    EDITS[edit](farm.context)
    after = farm.build()
    assert after.hits == [False, False]
    assert after.manifest != before.manifest


DOCKERFILES = {
    "destination": ("COPY a /x", "COPY a /y"),
    "destination's slash": ("COPY a /x", "COPY a /x/"),
    "source of the same content": ("COPY a /x/", "COPY same /x/"),
    "folder or its file": ("COPY d /x/", "COPY d/a /x/"),
    "folder or what is in it": ("COPY . /x/", "COPY * /x/"),
    "COPY or ADD": ("COPY a.tar /x/", "ADD a.tar /x/"),
    "order of sources": ("COPY a d/a /x/", "COPY d/a a /x/"),
    "--chown": ("COPY --chown=1:2 a /x", "COPY --chown=1:3 a /x"),
    "--chown's group": ("COPY --chown=1 a /x", "COPY --chown=1:0 a /x"),
    "--chmod": ("COPY --chmod=640 a /x", "COPY --chmod=0604 a /x"),
    "--exclude": ("COPY --exclude=a d /x/", "COPY --exclude=b d /x/"),
    "order of --exclude": ("COPY --exclude=* --exclude=!a d /x/", "COPY --exclude=!a --exclude=* d /x/"),
    "--parents": ("COPY d/a /x/", "COPY --parents d/a /x/"),
    "--parents' pivot": ("COPY --parents d/./a /x/", "COPY --parents ./d/a /x/"),
    "wildcard": ("COPY d/[a] /x/", "COPY d/[^a] /x/"),
    "body of a here-document": ("COPY <<E /x\na\nE", "COPY <<E /x\nb\nE"),
    "name of a here-document": ("COPY <<E /x/\na\nE", "COPY <<F /x/\na\nF"),
    "quotes of a here-document": ("ENV V=v\nCOPY <<E /x\n$V\nE", "ENV V=v\nCOPY <<'E' /x\n$V\nE"),
    "tabs of a here-document": ("COPY <<E /x\n\ta\nE", "COPY <<-E /x\n\ta\nE"),
    "bodies of here-documents": ("COPY <<E <<F /x/\na\nE\nF", "COPY <<E <<F /x/\nE\na\nF"),
    "working folder": ("WORKDIR /v\nCOPY a x", "WORKDIR /w\nCOPY a x"),
    "working folder's owner": ("USER 1\nWORKDIR /v", "USER 2\nWORKDIR /v"),
    "value of ENV": ("ENV V=v\nCOPY a /$V", "ENV V=w\nCOPY a /$V"),
    "value of ENV in a body": ("ENV V=v\nCOPY <<E /x\n$V\nE", "ENV V=w\nCOPY <<E /x\n$V\nE"),
    "value of ARG": ("ARG V=v\nCOPY a /$V", "ARG V=w\nCOPY a /$V"),
    "ENV over ARG": ("ARG V=v\nCOPY a /$V", "ARG V=v\nENV V=w\nCOPY a /$V"),
    "ARG over ENV": ("ENV V=v\nCOPY a /$V", "ENV V=v\nARG V=w\nCOPY a /$V"),
    "layer below": ("COPY a /l\nCOPY b /x/", "COPY d /l\nCOPY b /x/"),
    "symlink below": ("COPY l1 /\nCOPY a /l/f", "COPY l2 /\nCOPY a /l/f"),
    "folder below": ("COPY a /m\nCOPY b /x", "COPY --chmod=700 a /x/y\nCOPY b /x"),
    "accounts below": ("COPY p1 /etc/\nCOPY --chown=u a /x", "COPY p2 /etc/\nCOPY --chown=u a /x"),
    "words of an array": ('COPY ["a", "b y/"]', 'COPY ["a", "b", "y/"]'),
    "case": ("COPY a /x", "COPY a /X"),
    "CMD's shell": ('SHELL ["/a"]\nCMD x', 'SHELL ["/b"]\nCMD x'),
    "CMD's form": ("CMD x", 'CMD ["x"]'),
    "words": ('CMD ["x y"]', 'CMD ["x", "y"]'),
    "words of two labels": ('LABEL a="b c=d"', "LABEL a=b c=d"),
    "CMD before or after ENTRYPOINT": ('CMD ["x"]\nENTRYPOINT ["e"]', 'ENTRYPOINT ["e"]'),
    "order of ONBUILD": ("ONBUILD ENV A=1\nONBUILD ENV B=2", "ONBUILD ENV B=2\nONBUILD ENV A=1"),
    "health check": ("HEALTHCHECK --retries=1 CMD x", "HEALTHCHECK CMD x"),
    "variable with no value": ("ENV A=", "ENV B="),
}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_whatever_changes_in_the_dockerfile_is_noticed(farm: Farm, name: str) -> None:
    for file, text in {"a": "a", "same": "a", "b": "b", "d/a": "da", "d/b": "db"}.items():
        write(farm.context / file, text)
    for number in "12":
        write(farm.context / f"p{number}/passwd", f"u:x:{number}:{number}::/:\n")
        (farm.context / f"l{number}").mkdir()
        (farm.context / f"l{number}/l").symlink_to(f"/to{number}")
    (farm.context / "a.tar").write_bytes(root_file_system())
    write(farm.context / ".dockerignore", "Dockerfile\n")
    images = []
    for text in DOCKERFILES[name]:
        farm.dockerfile(f"FROM scratch\n{text}\n")
        built = farm.build()
        images.append((built.files, built.config))
    assert images[0] != images[1]


def test_add_unpacks_what_a_wildcard_matches_but_not_what_is_in_a_folder(farm: Farm) -> None:
    farm.dockerfile("FROM scratch\nADD w* /x/\n")
    (farm.context / "wd").mkdir()
    (farm.context / "wd/w.tar").write_bytes(root_file_system())
    write(farm.context / "wd/y", "y")
    manifests = [farm.build().manifest]
    (farm.context / "wd/w.tar").rename(farm.context / "w.tar")
    manifests.append(farm.build().manifest)
    write(farm.context / "wd/w.tar", "hidden by the other one, unless that is unpacked")
    manifests.append(farm.build().manifest)
    write(farm.context / "wd/w.tar", "changed")
    manifests.append(farm.build().manifest)
    assert len(set(manifests)) == 4


BASES = {
    "content": ("COPY a /f", "COPY b /f"),
    "mode": ("COPY a /f", "COPY --chmod=600 a /f"),
    "layers, though the files are the same": ("COPY a b /", "COPY a /\nCOPY b /"),
    "variable": ("ENV V=1", "ENV V=2"),
    "working folder": ("WORKDIR /v\nCOPY a b /v/w/\nCOPY a b /w/", "COPY a b /v/w/\nCOPY a b /w/\nWORKDIR /w"),
    "user": ("USER 1", "USER 2"),
    "accounts": ("COPY --chmod=644 p1 /etc/", "COPY --chmod=644 p2 /etc/"),
    "symlink": ("COPY l1 /", "COPY l2 /"),
    "trigger": ("ONBUILD COPY a /t", "ONBUILD COPY b /t"),
    "triggers' order": ("ONBUILD COPY a /t\nONBUILD COPY b /t", "ONBUILD COPY b /t\nONBUILD COPY a /t"),
    "trigger on what the context has": ("ONBUILD COPY . /t", "ONBUILD ADD . /t"),
    "shell": ('SHELL ["/a"]', 'SHELL ["/b"]'),
    "command": ('CMD ["a"]', 'CMD ["b"]'),
}


@pytest.mark.parametrize("name", BASES)
def test_a_base_image_of_the_same_name_that_has_changed_is_noticed(farm: Farm, tmp_path: Path, name: str) -> None:
    for file, text in {"a": "a", "b": "b", "p1/passwd": "u:x:1:1::/:\n", "p2/passwd": "u:x:2:2::/:\n"}.items():
        write(farm.context / file, text)
    for number in "12":
        (farm.context / f"l{number}").mkdir()
        (farm.context / f"l{number}/l").symlink_to(f"/to{number}")
    layout = tmp_path / "base"
    images = []
    for text in BASES[name]:
        farm.dockerfile(f"FROM scratch\nCOPY p1 /etc/\n{text}\n")
        shutil.rmtree(layout, ignore_errors=True)
        farm.cached.build(farm.context, layout)
        farm.dockerfile(
            "FROM base AS one\nCOPY --chown=u a /$V/l/\nCOPY a rel/\nWORKDIR made\nCMD x\n"
            "FROM scratch\nCOPY --from=base / /of-base/\nFROM one\nCOPY --from=1 / /copied/\n"
        )
        built = farm.build(Given(bases={"base": layout}))
        images.append((built.manifest, built.config))
    assert images[0] != images[1]


GIVEN = {
    "argument": (Given({"V": "1"}), Given({"V": "2"})),
    "argument that was not given": (Given(), Given({"V": ""})),
    "platform": (Given(), Given(platform=Platform("linux", "arm64"))),
    "variant": (Given(platform=Platform("linux", "arm", "v6")), Given(platform=Platform("linux", "arm", "v7"))),
    "target": (Given(target="one"), Given()),
    "time": (Given({"SOURCE_DATE_EPOCH": "1"}), Given({"SOURCE_DATE_EPOCH": "2"})),
    "time that was not given": (Given(), Given({"SOURCE_DATE_EPOCH": "1"})),
}


@pytest.mark.parametrize("name", GIVEN)
def test_whatever_else_a_build_is_given_is_noticed(farm: Farm, name: str) -> None:
    write(farm.context / "a", "a")
    farm.dockerfile(
        "FROM scratch AS one\nARG V=default TARGETPLATFORM\nCOPY a /one/$V/$TARGETPLATFORM\n"
        "FROM one AS two\nCOPY --from=one /one /two\n"
    )
    first, second = GIVEN[name]
    assert farm.build(first).manifest != farm.build(second).manifest
