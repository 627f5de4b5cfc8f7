"""Tars of every writer and format at hand, read entry by entry as ``tarfile`` and ``hashlib`` read them."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core import tars

GO_LAYER = Path(__file__).parents[2] / "data" / "go-layer.tar.gz"
HOLE = 300_000


def write_tree(root: Path) -> Path:
    """What every format can hold."""
    (root / "folder/below").mkdir(parents=True)
    (root / "empty").touch(0o600)
    for size in (1, 511, 512, 513, 100_000):
        (root / f"folder/{size}").write_bytes(os.urandom(size))
    (root / "folder/program").write_bytes(b"#!/bin/sh\n")
    (root / "folder/program").chmod(0o4755)
    (root / "folder/below/link").symlink_to("../empty")
    os.link(root / "folder/512", root / "hard-link")
    (root / ".wh.gone").touch()
    (root / "folder").chmod(0o2750)
    os.mkfifo(root / "pipe")
    return root


def add_long_names(root: Path) -> Path:
    """What V7 and ustar cannot hold."""
    deep = root / "/".join(["a-long-folder-name"] * 20)
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"long path")
    (root / "long-link").symlink_to("target/" * 40 + "end")
    os.link(deep / "file", root / "hard-link-of-long-path")
    (root / "ünïcode").write_bytes(b"not ASCII")
    Path(os.fsdecode(os.fsencode(root) + b"/not-utf-8-\xff\xfe")).write_bytes(b"not UTF-8")
    return root


def add_sparse(root: Path) -> Path:
    """Holes in front, in between and at the end, more segments than an old GNU header holds, and nothing but a hole."""
    layouts = {"few": (3, True), "many": (60, False), "hole": (0, True)}
    for name, (segments, ends_in_hole) in layouts.items():
        with (root / f"sparse-{name}").open("wb") as file:
            for index in range(1, segments + 1):
                file.seek(index * HOLE)
                file.write(os.urandom(5000))
            if ends_in_hole:
                file.truncate((segments + 2) * HOLE)
    return root


def assert_read_alike(path: Path) -> list[dict[str, object]]:
    """Both readers find the same; returns it."""
    entries, reader = tars.read(path)
    found = [tars.fields(entry) for entry in entries]
    assert found == tars.fields_by_tarfile(path)
    assert found
    assert reader.digest == reader.diff_id == hashlib.sha256(path.read_bytes()).digest()
    return found


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("tar_format", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_gnu_tar(tmp_path: Path, tar_format: str) -> None:
    tree = write_tree(tmp_path / "tree")
    if tar_format not in ("v7", "ustar"):
        add_long_names(tree)
    if tar_format == "v7":
        (tree / "pipe").unlink()
    run("tar", f"--format={tar_format}", "-cf", tmp_path / "tar", "-C", tree, ".")
    assert_read_alike(tmp_path / "tar")


@pytest.mark.parametrize(
    "options",
    [
        ["--format=oldgnu"],
        ["--format=gnu"],
        ["--format=posix", "--sparse-version=0.0"],
        ["--format=posix", "--sparse-version=0.1"],
        ["--format=posix", "--sparse-version=1.0"],
    ],
    ids=lambda options: "-".join(options).replace("--", ""),
)
def test_gnu_tar_with_sparse_files(tmp_path: Path, options: list[str]) -> None:
    tree = add_sparse(write_tree(tmp_path / "tree"))
    run("tar", *options, "--sparse", "-cf", tmp_path / "tar", "-C", tree, ".")
    found = {entry["path"]: entry for entry in assert_read_alike(tmp_path / "tar")}
    for name in ("few", "many", "hole"):
        path = tree / f"sparse-{name}"
        assert found[path.name]["size"] == path.stat().st_size
        assert found[path.name]["digest"] == hashlib.sha256(path.read_bytes()).digest()
    # The holes are not in the tar.
    assert (tmp_path / "tar").stat().st_size < 60 * HOLE
    sparse = {entry.path: entry.source for entry in tars.read(tmp_path / "tar")[0]}
    assert sparse["sparse-few"] is None
    assert sparse["folder/513"] is not None


def test_gnu_tar_with_extended_attributes(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    value = b"any\x00bytes\n= \xff"
    try:
        os.setxattr(tree / "empty", "user.note", value)
    except OSError as error:
        pytest.skip(f"this file system keeps no extended attributes of users: {error}")
    run("tar", "--format=posix", "--xattrs", "-cf", tmp_path / "tar", "-C", tree, ".")
    found = {entry["path"]: entry["xattrs"] for entry in assert_read_alike(tmp_path / "tar")}
    assert found["empty"] == {"user.note": value}
    assert found["hard-link"] == {}


def test_gnu_tar_with_numbers_too_large_for_octal(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for tar_format in ("gnu", "posix"):
        path = tmp_path / tar_format
        run(
            "tar",
            f"--format={tar_format}",
            "--owner=:4000000000",
            "--group=:3000000",
            "-cf",
            path,
            "-C",
            tmp_path,
            "file",
        )
        (found,) = assert_read_alike(path)
        assert (found["uid"], found["gid"]) == (4_000_000_000, 3_000_000)


@pytest.mark.parametrize("tar_format", ["v7", "ustar", "gnutar", "pax"])
def test_bsdtar(tmp_path: Path, tar_format: str) -> None:
    if shutil.which("bsdtar") is None:
        pytest.skip("bsdtar is not installed (Debian: libarchive-tools)")
    tree = write_tree(tmp_path / "tree")
    if tar_format == "v7":
        (tree / "pipe").unlink()
    if tar_format == "gnutar":
        add_long_names(tree)
    if tar_format == "pax":
        add_sparse(tree)
    run("bsdtar", "--format", tar_format, "-cf", tmp_path / "tar", "-C", tree, ".")
    assert_read_alike(tmp_path / "tar")


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tarfile(tmp_path: Path, tar_format: int) -> None:
    tree = write_tree(tmp_path / "tree")
    if tar_format != tarfile.USTAR_FORMAT:
        add_long_names(tree)
    with tarfile.open(tmp_path / "tar", "w", format=tar_format) as tar:
        tar.add(tree, ".")
    assert_read_alike(tmp_path / "tar")


def test_go(tmp_path: Path) -> None:
    (tmp_path / "tar").write_bytes(gzip.decompress(GO_LAYER.read_bytes()))
    entries, reader = tars.read(GO_LAYER)
    found = [tars.fields(entry) for entry in entries]
    assert found == assert_read_alike(tmp_path / "tar")
    assert len(found) == 21
    assert reader.compression == "gzip"
    assert reader.diff_id == hashlib.sha256((tmp_path / "tar").read_bytes()).digest()
    by_path = {entry["path"]: entry for entry in found}
    assert by_path["bin/ping"]["xattrs"]["user.note"] == b"two\nlines = one value"
    assert by_path["bin/ping"]["xattrs"]["security.capability"][:4] == b"\x01\x00\x00\x02"
    assert by_path["owned-gnu"]["uid"] == 3_000_000_000
    assert by_path["dev/vda"]["device"] == (254, 70_000)
    assert by_path["opt/.wh..wh..opq"]["kind"] == "file"


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=120).filter(
    lambda name: name not in (".", "..")
)


@st.composite
def members(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo("/".join(draw(st.lists(NAMES, min_size=1, max_size=4))))
    member.type = draw(st.sampled_from([tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE, *tars.KINDS]))
    member.mode = draw(st.integers(0, 0o7777))
    member.uid = draw(st.integers(0, (1 << 32) - 1))
    member.gid = draw(st.integers(0, (1 << 32) - 1))
    content = draw(st.binary(max_size=2000)) if member.isreg() else b""
    member.size = len(content)
    if member.issym() or member.islnk():
        member.linkname = draw(NAMES)
    if member.isdev() and not member.isfifo():
        member.devmajor, member.devminor = draw(st.integers(0, 4095)), draw(st.integers(0, 1 << 20))
    if draw(st.booleans()):
        member.pax_headers = {f"{tars.XATTR}user.{draw(st.integers(0, 9))}": draw(st.text("abc= \n", min_size=1))}
    return member, content


@given(st.lists(members(), max_size=8), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_random_trees(
    tmp_path_factory: pytest.TempPathFactory, tree: list[tuple[tarfile.TarInfo, bytes]], tar_format: int
) -> None:
    path = tmp_path_factory.mktemp("tree") / "tar"
    with tarfile.open(path, "w", format=tar_format, encoding="utf-8") as tar:
        for member, content in tree:
            tar.addfile(member, io.BytesIO(content))
    found = [tars.fields(entry) for entry in tars.read(path)[0]]
    assert found == tars.fields_by_tarfile(path)
    assert [entry["digest"] for entry in found if entry["kind"] == "file"] == [
        hashlib.sha256(content).digest() for member, content in tree if member.isreg()
    ]
