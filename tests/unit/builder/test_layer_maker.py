from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from lamella import _core
from lamella.builder.archive import is_archive
from lamella.builder.layer_maker import LayerMaker
from lamella.builder.selection import ContextSelector, select_from_tree
from lamella.errors import Invalid
from lamella.layers.tree import FileTree, TreeError
from lamella.model import EMPTY, Heredoc
from lamella.steps.work import CopyWork, FromContext, RemoteFile, Selection, WorkdirWork

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lamella.steps.work import Source


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "src" / "pkg").mkdir(parents=True)
    (folder / "src" / "main.py").write_text("print()")
    (folder / "src" / "pkg" / "run.sh").write_text("#!/bin/sh")
    (folder / "src" / "pkg" / "run.sh").chmod(0o750)
    (folder / "src" / "link").symlink_to("main.py")
    return folder


class Maker:
    """Makes layers one on top of the other."""

    def __init__(self, context: Path, folder: Path) -> None:
        self.context = context
        self.folder = folder
        self.tree = FileTree()
        self.count = 0

    def make(self, work: CopyWork | WorkdirWork, time: int = 0) -> dict[str, tarfile.TarInfo] | None:
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        selector = ContextSelector(_core.BuildContext(self.context))
        made = LayerMaker(self.tree, folder, time, selector.entries).make(work)
        if made is None:
            return None
        reader = _core.LayerReader(made[1])
        while batch := reader.next_batch():
            self.tree.apply(batch)
        assert reader.digest == made[0].descriptor.digest.raw
        with tarfile.open(made[1]) as tar:
            return {member.name: member for member in tar}

    def copy(self, destination: str, *sources: Source, **options: Any) -> dict[str, tarfile.TarInfo]:
        made = self.make(CopyWork(FromContext(), sources, destination, **options))
        assert made is not None
        return made


@pytest.fixture
def maker(context: Path, tmp_path: Path) -> Maker:
    (tmp_path / "work").mkdir()
    return Maker(context, tmp_path / "work")


def test_a_folder_is_copied_with_modes_links_and_fixed_times(maker: Maker) -> None:
    found = maker.copy("/app/", Selection("src"))
    assert list(found) == ["app", "app/link", "app/main.py", "app/pkg", "app/pkg/run.sh"]
    assert found["app/pkg/run.sh"].mode == 0o750
    assert found["app/link"].linkname == "main.py"
    assert {member.mtime for member in found.values()} == {0}


def test_owner_and_mode_change_everything_but_a_symlink_s_mode(maker: Maker) -> None:
    found = maker.copy("/app/", Selection("src"), chown="7:8", chmod="u=rwX,go=")
    assert {(member.uid, member.gid) for member in found.values()} == {(7, 8)}
    assert oct(found["app/main.py"].mode) == oct(0o600)
    assert oct(found["app/pkg"].mode) == oct(0o700)
    assert oct(found["app/link"].mode) == oct(0o777)


def test_a_heredoc_is_a_file(maker: Maker) -> None:
    found = maker.copy("/etc/", Heredoc("motd", "hello\n"))
    assert (found["etc/motd"].mode, found["etc/motd"].size) == (0o644, 6)
    assert "etc/issue" in maker.copy("/etc/issue", Heredoc("EOF", "x"))


def test_a_folder_that_is_there_is_not_made_again(maker: Maker) -> None:
    assert maker.make(WorkdirWork("/srv/app", "")) is not None
    assert maker.make(WorkdirWork("/srv/app", "")) is None
    assert maker.make(WorkdirWork("/srv", "nobody")) is None
    with pytest.raises(Invalid, match="nobody"):
        maker.make(WorkdirWork("/srv/new", "nobody"))
    assert list(maker.copy("/srv/app/", Selection("src/main.py"))) == ["srv/app/main.py"]


def test_parents_keep_their_path_below_the_pivot(maker: Maker) -> None:
    found = maker.copy("/out/", Selection("src/pkg/run.sh", parents=True), Selection("pkg", parents=True, pivot="src"))
    assert list(found) == ["out", "out/pkg", "out/pkg/run.sh", "out/src", "out/src/pkg", "out/src/pkg/run.sh"]


def test_parents_of_what_a_wildcard_does_not_match_are_not_copied(maker: Maker) -> None:
    assert list(maker.copy("/out/", Selection("src/*/*.go", parents=True))) == ["out"]
    with pytest.raises(FileNotFoundError, match=r"src/main\.go"):
        maker.copy("/out/", Selection("src/main.go", parents=True))


def test_the_same_files_make_the_same_layer(maker: Maker, context: Path) -> None:
    selector = ContextSelector(_core.BuildContext(context))
    digests = set()
    for name in ("one", "two"):
        (maker.folder / name).mkdir()
        work = CopyWork(FromContext(), (Selection("src"),), "/app/")
        made = LayerMaker(FileTree(), maker.folder / name, 5, selector.entries).make(work)
        assert made is not None
        digests.add(made[0].diff_id)
        (context / "src" / "main.py").touch()
    assert len(digests) == 1


def test_what_one_stage_makes_is_copied_into_another(maker: Maker, tmp_path: Path) -> None:
    maker.copy("/made/", Selection("src"), chown="3:4")
    other = LayerMaker(FileTree(), tmp_path, 0, lambda selection: select_from_tree(maker.tree, selection))
    made = other.make(CopyWork(FromContext(), (Selection("made/pkg"),), "/bin/"))
    assert made is not None
    with tarfile.open(made[1]) as tar:
        member = tar.getmember("bin/run.sh")
        assert (member.uid, member.gid, member.mode) == (3, 4, 0o750)
        content = tar.extractfile(member)
        assert content is not None
        assert content.read() == b"#!/bin/sh"


def test_a_name_that_would_hide_files_is_refused(maker: Maker, context: Path) -> None:
    (context / "src" / ".wh.main.py").touch()
    with pytest.raises(TreeError, match=r"app/\.wh\.main\.py: a name that starts with"):
        maker.copy("/app/", Selection("src"))


def test_a_file_that_changes_while_it_is_copied_is_noticed(context: Path, tmp_path: Path) -> None:
    selector = ContextSelector(_core.BuildContext(context))

    def select(selection: Selection) -> list[_core.Entry]:
        entries = selector.entries(selection)
        (context / "src" / "main.py").write_text("print(1)")
        return entries

    with pytest.raises(_core.ContentChanged, match=r"main\.py"):
        LayerMaker(FileTree(), tmp_path, 0, select).make(CopyWork(FromContext(), (Selection("src"),), "/app/"))


def test_a_remote_source_is_refused(maker: Maker) -> None:
    remote = RemoteFile("https://example.org/x", "x", EMPTY)
    with pytest.raises(Invalid, match="only local files"):
        maker.copy("/", remote)


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, target in (
            ("data", tarfile.DIRTYPE, ""),
            ("data/one", tarfile.REGTYPE, ""),
            ("data/two", tarfile.LNKTYPE, "data/one"),
            ("link", tarfile.SYMTYPE, "data/one"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode, info.uid, info.mtime = kind, target, 0o700, 9, 1_600_000_000
            info.size = 3 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"abc") if info.size else None)
    return buffer.getvalue()


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_add_unpacks_an_archive_whatever_its_compression(maker: Maker, context: Path, compression: str) -> None:
    (context / "files.bin").write_bytes(COMPRESSIONS[compression](archive()))
    found = maker.copy("/opt", Selection("files.bin"), unpack=True, chown="1:2", chmod="0777")
    assert list(found) == ["opt", "opt/data", "opt/data/one", "opt/data/two", "opt/link"]
    assert (found["opt/data/one"].uid, found["opt/data/one"].mode, found["opt/data/one"].mtime) == (1, 0o700, 0)
    assert found["opt/data/two"].isfile()


def test_copy_leaves_an_archive_packed_and_add_leaves_other_files_alone(maker: Maker, context: Path) -> None:
    (context / "files.tar").write_bytes(archive())
    (context / "notes.gz").write_bytes(gzip.compress(b"no archive"))
    assert list(maker.copy("/a/", Selection("files.tar"))) == ["a", "a/files.tar"]
    assert list(maker.copy("/b/", Selection("notes.gz"), unpack=True)) == ["b", "b/notes.gz"]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_archive_that_changes_before_it_is_unpacked_is_noticed(
    context: Path, tmp_path: Path, compression: str
) -> None:
    file = context / "files.bin"
    file.write_bytes(COMPRESSIONS[compression](archive()))
    selector = ContextSelector(_core.BuildContext(context))
    selector.digest(Selection("files.bin"))
    file.write_bytes(COMPRESSIONS[compression](archive().replace(b"abc", b"abd")))
    work = CopyWork(FromContext(), (Selection("files.bin"),), "/", unpack=True)
    with pytest.raises(_core.ContentChanged, match=r"files\.bin changed"):
        LayerMaker(FileTree(), tmp_path, 0, selector.entries).make(work)


@pytest.mark.parametrize(
    "content", [b"", b"x" * 600, bytes(10240), gzip.compress(b"", mtime=0), b"\x1f\x8b\x08broken", b"BZhx"]
)
def test_what_is_no_archive_is_told_apart(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert not is_archive(tmp_path / "file")


def test_an_archive_that_breaks_off_is_an_error(maker: Maker, context: Path) -> None:
    (context / "files.tgz").write_bytes(gzip.compress(archive() + bytes(100_000))[:-20])
    with pytest.raises(Invalid, match=r"files\.tgz: cannot be decompressed"):
        maker.copy("/", Selection("files.tgz"), unpack=True)
