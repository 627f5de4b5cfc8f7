"""The corpus of the benchmarks: the same pins give the same layers, which look as pip would leave them."""

from __future__ import annotations

import csv
import marshal
import os
import tarfile
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from benches.corpus.build import Corpus
from benches.corpus.bytecode import compiled
from benches.corpus.errors import CorpusError
from benches.corpus.pins import BUILD_INTERVAL, Release, read_pins
from benches.corpus.site_packages import SITE_PACKAGES, unpack
from benches.corpus.tar_layer import File, write_layer
from benches.corpus.wheels import fetch

if TYPE_CHECKING:
    from pathlib import Path

BUILT = 1_780_000_000


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "sample-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sample/__init__.py", "print('hello')\n")
        program = zipfile.ZipInfo("sample/tool.sh")
        program.external_attr = 0o100755 << 16
        archive.writestr(program, "#!/bin/sh\n")
        archive.writestr("sample-1.0.data/purelib/extra.py", "")
        archive.writestr("sample-1.0.data/data/share/note.txt", "note")
        archive.writestr("sample-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n")
        archive.writestr("sample-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("sample-1.0.dist-info/entry_points.txt", "[console_scripts]\nsample = sample:main\n")
        archive.writestr("sample-1.0.dist-info/RECORD", "sample/tool.sh,,\nsample/__init__.py,,\n")
    return path


def test_a_wheel_is_unpacked_as_pip_does(wheel: Path) -> None:
    files = {str(file.path): file for file in unpack(wheel, BUILT)}
    assert files["usr/local/lib/python3.11/site-packages/sample/tool.sh"].mode == 0o755
    assert files["usr/local/lib/python3.11/site-packages/sample/__init__.py"].mode == 0o644
    assert files["usr/local/lib/python3.11/site-packages/extra.py"].content == b""
    assert files["usr/local/share/note.txt"].content == b"note"
    assert b"from sample import main" in files["usr/local/bin/sample"].content
    record = files["usr/local/lib/python3.11/site-packages/sample-1.0.dist-info/RECORD"].content.decode()
    names = [name for name, _, _ in csv.reader(record.splitlines())]
    assert names == sorted(names)
    assert {"../../../bin/sample", "sample-1.0.dist-info/INSTALLER", "sample/__init__.py"} <= set(names)


def test_layers_are_deterministic_and_times_are_the_builds(wheel: Path, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("first.tar", "again.tar", "later.tar")]
    for path, built in zip(paths, (BUILT, BUILT, BUILT + BUILD_INTERVAL), strict=True):
        write_layer(path, reversed(unpack(wheel, built)), built)
    first, again, later = (path.read_bytes() for path in paths)
    assert first == again
    assert first != later
    with tarfile.open(paths[2]) as tar:
        members = tar.getmembers()
    assert {member.mtime for member in members} == {BUILT + BUILD_INTERVAL}
    assert {(member.uid, member.gid) for member in members} == {(0, 0)}
    names = [PurePosixPath(member.name) for member in members]
    assert names == sorted(names, key=lambda name: name.parts)
    assert SITE_PACKAGES / "sample" in names


def test_bytecode_holds_the_time_of_its_source() -> None:
    source = File(SITE_PACKAGES / "one.py", b"answer = 42\n", 0o644, BUILT)
    (first,) = compiled([source], "one")
    assert first.path.parent == SITE_PACKAGES / "__pycache__"
    assert int.from_bytes(first.content[8:12], "little") == BUILT
    assert marshal.loads(first.content[16:]).co_filename == f"/{source.path}"
    assert compiled([source], "one") == [first]


def test_a_source_that_does_not_compile_is_named() -> None:
    with pytest.raises(CorpusError, match=r"one 1\.0: .*broken\.py"):
        compiled([File(SITE_PACKAGES / "broken.py", b"def", 0o644, BUILT)], "one 1.0")


def test_pins_are_ten_consecutive_releases_of_each_package() -> None:
    for package in read_pins().packages:
        versions = [tuple(map(int, release.version.split("."))) for release in package.releases]
        assert len(versions) == 10
        assert versions == sorted(set(versions))
        assert len({release.sha256 for release in package.releases}) == 10
        assert all(len(bytes.fromhex(release.sha256)) == 32 for release in package.releases)


def test_another_wheel_than_the_pinned_one_is_refused(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    with pytest.raises(CorpusError, match="sample"):
        fetch(Release("sample", "1.0", "00" * 32, BUILT), tmp_path / "wheels")
    assert list((tmp_path / "wheels").iterdir()) == []


def test_quick_is_a_part_of_the_whole(tmp_path: Path) -> None:
    whole = {(layer.series, layer.version) for layer in Corpus(tmp_path)}
    quick = {(layer.series, layer.version) for layer in Corpus(tmp_path, quick=True)}
    assert quick
    assert quick < whole
    assert list(tmp_path.iterdir()) == []
