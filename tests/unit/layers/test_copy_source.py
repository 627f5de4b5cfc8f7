from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lamella._core import Entry, PatternError, match_wildcards
from lamella.errors import Invalid
from lamella.layers.accounts import owner
from lamella.layers.copy_source import copy_source, has_wildcard
from lamella.layers.tree import FileTree

if TYPE_CHECKING:
    from pathlib import Path


def file(path: str, source: Path | None = None, *, uid: int = 0, gid: int = 0) -> Entry:
    if source is None:
        return Entry(path, "file", mode=0o644, uid=uid, gid=gid, size=1, digest=bytes(32))
    return Entry(path, "file", size=source.stat().st_size, digest=bytes(32), source=str(source))


@pytest.fixture
def tree() -> FileTree:
    tree = FileTree()
    tree.apply(
        [
            Entry("app", "directory", mode=0o750, uid=7, gid=8),
            file("app/one.txt", uid=7, gid=8),
            file("app/two.txt"),
            file("app/notes.md"),
            Entry("app/sub", "directory"),
            file("app/sub/deep.txt"),
            Entry("app/inner", "symlink", link_target="sub/deep.txt"),
            Entry("current", "symlink", link_target="/app"),
            Entry("first", "symlink", link_target="app/one.txt"),
            Entry("copy", "hardlink", link_target="app/two.txt"),
            Entry("lost", "symlink", link_target="nowhere"),
        ]
    )
    return tree


def names(entries: list[Entry]) -> list[str]:
    return [entry.path for entry in entries]


def test_a_folder_gives_its_content_and_itself_with_owners_and_modes(tree: FileTree) -> None:
    entries = copy_source(tree, "/app/")
    assert names(entries) == ["", "inner", "notes.md", "one.txt", "sub", "sub/deep.txt", "two.txt"]
    assert (entries[0].mode, entries[0].uid, entries[3].uid, entries[3].gid) == (0o750, 7, 7, 8)


def test_a_symlink_named_by_the_source_is_followed_and_one_below_is_not(tree: FileTree) -> None:
    assert names(copy_source(tree, "current")) == names(copy_source(tree, "app"))
    assert [(e.path, e.kind) for e in copy_source(tree, "first")] == [("first", "file")]
    assert [e.kind for e in copy_source(tree, "app") if e.path == "inner"] == ["symlink"]


def test_a_hard_link_is_copied_as_a_file(tree: FileTree) -> None:
    assert [(e.path, e.kind) for e in copy_source(tree, "copy")] == [("copy", "file")]


def test_wildcards_match_one_part_of_a_path(tree: FileTree) -> None:
    assert names(copy_source(tree, "app/*.txt")) == ["one.txt", "two.txt"]
    assert names(copy_source(tree, "*/sub/*")) == ["deep.txt"]
    assert names(copy_source(tree, "app/[n-o]*")) == ["notes.md", "one.txt"]


def test_a_class_may_match_a_slash_as_in_go(tree: FileTree) -> None:
    assert names(copy_source(tree, "app[a/]one.txt")) == ["one.txt"]
    assert names(copy_source(tree, "app[^a]sub[a/b]d*")) == ["deep.txt"]
    assert names(copy_source(tree, "app[^a]s*")) == ["", "deep.txt"]
    assert copy_source(tree, "app[^/]one.txt") == []


def test_what_a_wildcard_does_not_match_is_optional(tree: FileTree) -> None:
    assert copy_source(tree, "app/*.jpg") == []
    assert copy_source(tree, "*.jpg/below") == []


def test_excluded_files_stay_behind(tree: FileTree) -> None:
    assert names(copy_source(tree, "app", ["*.txt", "inner"])) == ["", "notes.md", "sub", "sub/deep.txt"]


@pytest.mark.parametrize("source", ["nothing", "nothing/*.jpg", "lost", "app/one.txt/below"])
def test_a_source_that_matches_nothing_is_named(tree: FileTree, source: str) -> None:
    with pytest.raises(FileNotFoundError, match=source.replace("*", r"\*")):
        copy_source(tree, source)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("a*c", "abbc", True),
        ("a?c", "ac", False),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("[\\]]", "]", True),
        (r"\*", "*", True),
        (r"\*", "a", False),
        ("a.b", "axb", False),
        ("*", "line\nbreak", True),
        ("[a\\-z]", "-", True),
        ("[z-a]", "b", False),
    ],
)
def test_wildcards_mean_what_they_mean_in_go(pattern: str, text: str, matches: bool) -> None:
    assert match_wildcards(pattern, [text, text]) == [matches, matches]


@pytest.mark.parametrize("pattern", ["[", "[]", "[a", "[a-", "a\\", "[^]", "[-a]"])
def test_a_malformed_wildcard_is_quoted(pattern: str) -> None:
    with pytest.raises(PatternError, match="pattern"):
        match_wildcards(pattern, [])


@pytest.mark.parametrize(("text", "wild"), [("a*", True), (r"a\*", False), ("a[", True), ("a", False), (r"\\?", True)])
def test_a_wildcard_is_one_that_is_not_escaped(text: str, wild: bool) -> None:
    assert has_wildcard(text) is wild


def test_parents_of_what_stays_are_copied_although_excluded(tree: FileTree) -> None:
    assert names(copy_source(tree, ".", ["**", "!app/sub/deep.txt"])) == ["", "app", "app/sub", "app/sub/deep.txt"]


@pytest.fixture
def accounts(tmp_path: Path) -> FileTree:
    (tmp_path / "passwd").write_text(
        "root:x:0:0::/root:/bin/sh\nweb:x:33:34:A \f\u2028staff:x:1:1::\x85:/srv:/bin/false\r\nbroken\n"
    )
    (tmp_path / "group").write_text("root:x:0:\nstaff:x:50:web\n")
    tree = FileTree()
    tree.apply([file("etc/passwd", tmp_path / "passwd"), file("etc/group", tmp_path / "group")])
    return tree


@pytest.mark.parametrize(
    ("chown", "expected"),
    [
        ("5", (5, 5)),
        ("5:6", (5, 6)),
        ("web", (33, 34)),
        ("web:staff", (33, 50)),
        ("web:0", (33, 0)),
        ("0:staff", (0, 50)),
    ],
)
def test_owners_are_numbers_or_names_of_the_tree(accounts: FileTree, chown: str, expected: tuple[int, int]) -> None:
    assert owner(accounts, chown) == expected


@pytest.mark.parametrize("chown", ["nobody", "web:nobody", "broken", "staff", "4294967295", "9" * 5000, "", "web:"])
def test_an_owner_that_the_tree_does_not_know_is_an_error(accounts: FileTree, chown: str) -> None:
    with pytest.raises(Invalid, match="owner"):
        owner(accounts, chown)


def test_numbers_need_no_account_files() -> None:
    assert owner(FileTree(), "10:20") == (10, 20)
    with pytest.raises(Invalid, match="/etc/passwd"):
        owner(FileTree(), "web")
