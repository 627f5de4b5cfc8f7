"""Build contexts: what is in them, and what a COPY takes from them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamella._core import BuildContext, Entry, PatternError, match_patterns


def write(root: Path, *paths: str) -> None:
    """Make files that hold their own path; a path that ends in a slash is a folder."""
    for path in paths:
        target = root / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path)


def nest(folder: Path) -> None:
    """Make folders in each other until no path reaches the innermost, so that reading it fails even for root."""
    handles = [os.open(folder, os.O_RDONLY)]
    for _ in range(20):
        os.mkdir("n" * 250, dir_fd=handles[-1])
        handles.append(os.open("n" * 250, os.O_RDONLY, dir_fd=handles[-1]))
    for handle in handles:
        os.close(handle)


def paths(entries: list[Entry]) -> list[str]:
    return [entry.path for entry in entries]


def contents(entries: list[Entry]) -> dict[str, str]:
    """Return files by path, with what their sources hold."""
    return {entry.path: Path(entry.source).read_text() for entry in entries if entry.source is not None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "context"
    write(root, "Dockerfile", "app/main.py", "app/lib/util.py", "app/lib/empty/", "docs/a.md", "docs/b.txt", "home.txt")
    return root


def test_a_folder_gives_its_content_and_itself_as_the_empty_path(root: Path) -> None:
    (root / "app").chmod(0o750)
    (root / "app/main.py").chmod(0o4711)
    entries = BuildContext(root).copy_source("app")
    assert paths(entries) == ["", "lib", "lib/empty", "lib/util.py", "main.py"]
    folder, main = entries[0], entries[-1]
    assert (folder.kind, folder.mode, folder.digest, folder.source, folder.size) == ("directory", 0o750, None, None, 0)
    assert (main.kind, main.mode, main.uid, main.gid, main.size) == ("file", 0o4711, 0, 0, len("app/main.py"))
    assert main.digest == hashlib.sha256(b"app/main.py").digest()
    assert (main.source, main.offset) == (str(root / "app/main.py"), 0)


def test_a_file_gives_its_base_name(root: Path) -> None:
    assert contents(BuildContext(root).copy_source("app/lib/util.py")) == {"util.py": "app/lib/util.py"}


@pytest.mark.parametrize("source", [".", "/", "", "./", "..", "../..", "/..", "app/..", "./docs/../"])
def test_the_whole_context_has_many_names(root: Path, source: str) -> None:
    context = BuildContext(root)
    entries = context.copy_source(source)
    assert len(entries) == len(context) + 1
    assert contents(entries) == {
        path: path for path in ("Dockerfile", "app/main.py", "app/lib/util.py", "docs/a.md", "docs/b.txt", "home.txt")
    }


@pytest.mark.parametrize("source", ["docs", "docs/", "/docs", "./docs/.", "../docs", "app/../docs//"])
def test_a_source_is_cleaned_and_stays_in_the_context(root: Path, source: str) -> None:
    assert paths(BuildContext(root).copy_source(source)) == ["", "a.md", "b.txt"]


def test_counts_and_sizes_leave_out_what_is_ignored(root: Path) -> None:
    context = BuildContext(root, ["app", "*.txt"])
    assert len(context) == 4
    assert context.total_size == sum(len(path) for path in ("Dockerfile", "docs/a.md", "docs/b.txt"))


def test_entries_come_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    write(tmp_path, "a/x", "a-b", "a.c", "B", "é", "z")
    names = paths(BuildContext(tmp_path).copy_source("."))
    assert names == sorted(names, key=os.fsencode) == ["", "B", "a", "a-b", "a.c", "a/x", "z", "é"]


class TestIgnorePatterns:
    def test_an_exception_brings_back_a_file_with_its_folders(self, root: Path) -> None:
        context = BuildContext(root, ["app", "!app/lib/util.py"])
        assert paths(context.copy_source("app")) == ["", "lib", "lib/util.py"]

    def test_a_folder_in_which_nothing_stays_is_left_out(self, root: Path) -> None:
        context = BuildContext(root, ["app", "!app/lib/*.md"])
        assert "app" not in paths(context.copy_source("."))

    def test_a_folder_that_cannot_matter_is_not_read(self, root: Path) -> None:
        write(root, "app/deep/")
        nest(root / "app/deep")
        for lines in ([], ["app", "!app/deep/**/x"]):
            with pytest.raises(OSError, match="name too long"):
                BuildContext(root, lines)
        assert paths(BuildContext(root, ["*", "!docs"]).copy_source(".")) == ["", "docs", "docs/a.md", "docs/b.txt"]

    def test_the_error_says_that_a_pattern_hides_the_source(self, root: Path) -> None:
        context = BuildContext(root, ["*.txt"])
        with pytest.raises(FileNotFoundError, match="because the ignore patterns leave it out"):
            context.copy_source("home.txt")
        with pytest.raises(FileNotFoundError, match=r'"gone.txt" is not in the build context$'):
            context.copy_source("gone.txt")

    def test_a_malformed_line_is_an_error(self, root: Path) -> None:
        with pytest.raises(PatternError, match="line 2"):
            BuildContext(root, ["ok", "["])

    @given(
        lines=st.lists(st.tuples(st.booleans(), st.text("ab*?/", min_size=1, max_size=6)), max_size=5),
        names=st.sets(st.text("ab/", min_size=1, max_size=8), max_size=8),
    )
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    def test_the_walk_agrees_with_the_matcher(
        self, lines: list[tuple[bool, str]], names: set[str], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        root = tmp_path_factory.mktemp("context")
        write(root, *(f"{name.strip('/')}/f".lstrip("/") for name in names))
        patterns = [f"{'!' if exception else ''}{text}" for exception, text in lines]
        everything = [path.relative_to(root).as_posix() for path in root.rglob("*")]
        kept = {
            path
            for path, left_out in zip(everything, match_patterns(patterns, everything), strict=True)
            if not left_out
        }
        expected = kept | {parent.as_posix() for path in kept for parent in Path(path).parents} | {"."}
        found = {path or "." for path in paths(BuildContext(root, patterns).copy_source("."))}
        assert found == expected


class TestWildcards:
    def test_every_match_is_copied(self, root: Path) -> None:
        context = BuildContext(root)
        assert contents(context.copy_source("docs/?.*")) == {"a.md": "docs/a.md", "b.txt": "docs/b.txt"}
        assert contents(context.copy_source("*/*.[m-n]d")) == {"a.md": "docs/a.md"}

    def test_folders_that_match_are_merged(self, root: Path) -> None:
        write(root, "docs2/b.txt", "docs2/c/d")
        entries = BuildContext(root).copy_source("docs*")
        assert paths(entries) == ["", "a.md", "b.txt", "c", "c/d"]
        assert contents(entries)["b.txt"] == "docs2/b.txt"

    def test_a_file_and_a_folder_cannot_be_merged(self, root: Path) -> None:
        write(root, "docs2/a.md/x")
        with pytest.raises(ValueError, match=r'"docs\*" gives a folder and a file for the one path "a.md"'):
            BuildContext(root).copy_source("docs*")

    def test_a_double_star_is_a_single_one(self, root: Path) -> None:
        assert contents(BuildContext(root).copy_source("**.txt")) == {"home.txt": "home.txt"}

    def test_what_is_in_a_match_belongs_to_it(self, root: Path) -> None:
        # A class may match a slash, so that this matches app/lib too.
        assert paths(BuildContext(root).copy_source("ap*[^x]*")) == ["", "lib", "lib/empty", "lib/util.py", "main.py"]

    def test_a_backslash_takes_a_wildcard_literally(self, tmp_path: Path) -> None:
        write(tmp_path, "a*b.x", "aab.x")
        assert paths(BuildContext(tmp_path).copy_source("a\\*b.?")) == ["a*b.x"]

    def test_what_a_wildcard_does_not_match_is_optional(self, root: Path) -> None:
        assert BuildContext(root).copy_source("*.go") == []
        assert BuildContext(root, ["*.txt"]).copy_source("h*.txt") == []

    def test_the_folder_before_a_wildcard_is_not_optional(self, root: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r'"lost/\*.go" is not in the build context$'):
            BuildContext(root).copy_source("lost/*.go")

    def test_matches_are_what_is_copied_one_by_one(self, root: Path) -> None:
        context = BuildContext(root)
        assert context.matches("ap*") == ["app"]
        assert context.matches("./app/../home.txt") == ["home.txt"]
        assert context.matches("*.go") == []

    def test_a_malformed_wildcard_is_an_error(self, root: Path) -> None:
        with pytest.raises(PatternError, match=r'pattern "docs/\[": a \[ has no \]'):
            BuildContext(root).copy_source("docs/[")


class TestExclude:
    def test_patterns_are_relative_to_the_source(self, root: Path) -> None:
        context = BuildContext(root)
        assert paths(context.copy_source("app", ["lib/*.py"])) == ["", "lib", "lib/empty", "main.py"]
        assert paths(context.copy_source("app", ["app/main.py"])) == paths(context.copy_source("app"))

    def test_an_exception_keeps_the_folders_on_its_way(self, root: Path) -> None:
        assert paths(BuildContext(root).copy_source("app", ["*", "!lib/util.py"])) == ["", "lib", "lib/util.py"]

    def test_files_that_wildcards_match_can_be_excluded(self, root: Path) -> None:
        assert paths(BuildContext(root).copy_source("docs/*", ["*.txt"])) == ["a.md"]

    def test_a_malformed_pattern_is_an_error(self, root: Path) -> None:
        with pytest.raises(PatternError, match=r'pattern "\[": '):
            BuildContext(root).copy_source("app", ["["])


class TestSymlinks:
    def test_a_symlink_below_a_folder_is_copied_as_it_is(self, root: Path) -> None:
        (root / "docs/link").symlink_to("../app/main.py")
        (root / "docs/dangling").symlink_to("/nowhere")
        entries = {entry.path: entry for entry in BuildContext(root).copy_source("docs")}
        assert (entries["link"].kind, entries["link"].link_target) == ("symlink", "../app/main.py")
        assert (entries["dangling"].kind, entries["dangling"].link_target) == ("symlink", "/nowhere")
        assert (entries["link"].digest, entries["link"].size, entries["link"].source) == (None, 0, None)

    def test_a_symlink_that_is_named_is_followed_and_keeps_its_name(self, root: Path) -> None:
        (root / "current.py").symlink_to("app/main.py")
        assert contents(BuildContext(root).copy_source("current.py")) == {"current.py": "app/main.py"}
        assert contents(BuildContext(root).copy_source("cur*")) == {"current.py": "app/main.py"}

    def test_a_symlink_to_a_folder_gives_its_content(self, root: Path) -> None:
        (root / "link").symlink_to("app")
        (root / "deep").symlink_to("link/lib")
        context = BuildContext(root)
        assert paths(context.copy_source("link")) == paths(context.copy_source("app"))
        assert paths(context.copy_source("deep")) == ["", "empty", "util.py"]
        assert paths(context.copy_source("link/lib/*.py")) == ["util.py"]

    @pytest.mark.parametrize("target", ["/app/main.py", "../../../../app/main.py", "docs/../app/./main.py"])
    def test_the_context_is_the_root_of_every_target(self, root: Path, target: str) -> None:
        (root / "link").symlink_to(target)
        assert contents(BuildContext(root).copy_source("link")) == {"link": "app/main.py"}

    def test_nothing_outside_the_context_is_reached(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("secret")
        (root / "link").symlink_to(tmp_path / "secret")
        (root / "up").symlink_to("..")
        context = BuildContext(root)
        for source in ("link", "up/secret", "../secret"):
            with pytest.raises(FileNotFoundError):
                context.copy_source(source)

    def test_a_loop_is_an_error(self, root: Path) -> None:
        (root / "one").symlink_to("two")
        (root / "two").symlink_to("one")
        with pytest.raises(OSError, match='more than 255 symlinks on the way to "one"'):
            BuildContext(root).copy_source("one")

    def test_a_target_that_is_ignored_is_not_reached(self, root: Path) -> None:
        (root / "link").symlink_to("home.txt")
        with pytest.raises(FileNotFoundError, match="because the ignore patterns leave it out"):
            BuildContext(root, ["home.txt"]).copy_source("link")


def test_hard_links_are_separate_files(root: Path) -> None:
    os.link(root / "home.txt", root / "docs/hard.txt")
    entries = BuildContext(root).copy_source("docs/h*")
    assert [(entry.path, entry.kind) for entry in entries] == [("hard.txt", "file")]


def test_sockets_are_left_out_and_pipes_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        os.mkfifo("pipe", 0o640)
        (entry,) = BuildContext(".").copy_source("*")
    assert (entry.path, entry.kind, entry.mode) == ("pipe", "fifo", 0o640)


def test_devices_keep_their_numbers(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device takes a privilege")
    (entry,) = BuildContext(tmp_path).copy_source("null")
    assert (entry.kind, entry.device) == ("character", (1, 3))


def test_names_that_are_not_utf_8_keep_their_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    write(tmp_path, "d/x")
    (tmp_path / "d" / name).write_bytes(b"latin")
    (entry,) = BuildContext(tmp_path).copy_source(f"d/{name}")
    assert os.fsencode(entry.path) == b"caf\xe9"
    assert entry.source is not None
    assert Path(entry.source).read_bytes() == b"latin"
    assert [os.fsencode(path) for path in paths(BuildContext(tmp_path).copy_source("d"))] == [b"", b"caf\xe9", b"x"]


def test_only_attributes_of_the_content_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "d/x")
    try:
        os.setxattr(tmp_path / "d/x", "user.kept", b"\0value\n")
        os.setxattr(tmp_path / "d", "user.folder", b"")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    with contextlib.suppress(PermissionError):
        os.setxattr(tmp_path / "d/x", "trusted.machine", b"1")
    entries = BuildContext(tmp_path).copy_source("d")
    assert [entry.xattrs for entry in entries] == [{"user.folder": b""}, {"user.kept": b"\0value\n"}]


def test_contents_are_read_once(root: Path) -> None:
    context = BuildContext(root)
    first = context.copy_source("home.txt")
    (root / "home.txt").write_text("changed")
    assert context.copy_source("home.txt") == first
    assert BuildContext(root).copy_source("home.txt") != first


def test_a_file_has_the_size_of_what_was_hashed(root: Path) -> None:
    context = BuildContext(root)
    (root / "home.txt").write_text("longer than before")
    (entry,) = context.copy_source("home.txt")
    assert (entry.size, entry.digest) == (18, hashlib.sha256(b"longer than before").digest())


def test_a_file_that_vanishes_is_an_error_with_its_path(root: Path) -> None:
    context = BuildContext(root)
    (root / "home.txt").unlink()
    with pytest.raises(FileNotFoundError) as raised:
        context.copy_source(".")
    assert raised.value.filename == str(root / "home.txt")


def test_a_file_that_became_a_pipe_neither_blocks_nor_is_read(root: Path) -> None:
    context = BuildContext(root)
    (root / "home.txt").unlink()
    os.mkfifo(root / "home.txt")
    with pytest.raises(OSError, match="no longer a file"):
        context.copy_source("home.txt")


def test_a_root_that_is_no_folder_is_an_error(root: Path) -> None:
    for path, error in ((root / "gone", FileNotFoundError), (root / "home.txt", NotADirectoryError)):
        with pytest.raises(error) as raised:
            BuildContext(path)
        assert raised.value.filename == str(path)


def test_a_root_may_be_named_through_a_symlink(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert len(BuildContext(tmp_path / "link")) == len(BuildContext(root))


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_the_number_of_threads_changes_nothing(root: Path, threads: int) -> None:
    assert BuildContext(root, threads=threads).copy_source(".") == BuildContext(root).copy_source(".")
