from __future__ import annotations

import pytest

from lamella._core import Entry
from lamella.builder.placement import make_folder, place
from lamella.layers.tree import FileTree, TreeError


def file(path: str) -> Entry:
    return Entry(path, "file", mode=0o644, size=1, digest=bytes(32))


def folder(path: str, mode: int = 0o755, uid: int = 0) -> Entry:
    return Entry(path, "directory", mode=mode, uid=uid)


@pytest.fixture
def tree() -> FileTree:
    tree = FileTree()
    tree.apply(
        [
            folder("app", 0o750, 7),
            folder("app/sub"),
            file("app/file"),
            Entry("link", "symlink", link_target="/app"),
            Entry("app/alias", "symlink", link_target="file"),
            Entry("app/elsewhere", "symlink", link_target="/new/place"),
            Entry("app/folder-link", "symlink", link_target="sub"),
        ]
    )
    return tree


def placed(tree: FileTree, entries: list[Entry], destination: str) -> list[str]:
    return [entry.path for entry in place(tree, entries, destination)]


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("/new", ["new"]),
        ("/new/", ["new", "new/x"]),
        ("/deep/er/x", ["deep", "deep/er", "deep/er/x"]),
        ("/app", ["app/x"]),
        ("/app/", ["app/x"]),
        ("/link/y", ["app/y"]),
        ("/link", ["app/x"]),
        ("/app/alias", ["app/file"]),
        ("/app/elsewhere", ["new", "new/place"]),
        ("/app/elsewhere/", ["new", "new/place", "new/place/x"]),
        ("/", ["x"]),
    ],
)
def test_one_file(tree: FileTree, destination: str, expected: list[str]) -> None:
    assert placed(tree, [file("x")], destination) == expected


def test_a_folder_s_content_goes_into_the_destination(tree: FileTree) -> None:
    content = [folder("", 0o700), folder("sub", 0o700), file("sub/y"), file("x")]
    entries = place(tree, content, "/new", (5, 6))
    assert [entry.path for entry in entries] == ["new", "new/sub", "new/sub/y", "new/x"]
    assert (entries[0].mode, entries[0].uid, entries[0].gid) == (0o755, 5, 6)
    assert (entries[1].mode, entries[1].uid) == (0o700, 0)


def test_a_folder_that_is_there_is_given_again_only_with_another_mode_or_owner(tree: FileTree) -> None:
    assert placed(tree, [folder(""), folder("sub"), file("sub/y")], "/app") == ["app/sub/y"]
    assert placed(tree, [folder(""), folder("sub", 0o700)], "/app") == ["app/sub"]


def test_several_files_need_a_folder(tree: FileTree) -> None:
    assert placed(tree, [file("x"), file("y")], "/app") == ["app/x", "app/y"]
    with pytest.raises(TreeError, match="/new: is no folder, but 2 files"):
        place(tree, [file("x"), file("y")], "/new")


@pytest.mark.parametrize("destination", ["/new/", "/new", "/app/file"])
def test_where_nothing_is_copied_no_folder_is_made(tree: FileTree, destination: str) -> None:
    assert place(tree, [], destination) == []


def test_the_later_of_two_files_with_one_name_is_kept(tree: FileTree) -> None:
    later = Entry("x", "file", size=2, digest=bytes(32))
    assert [entry.size for entry in place(tree, [file("x"), later], "/app/")] == [2]


def test_a_symlink_at_the_file_s_own_place_is_replaced(tree: FileTree) -> None:
    assert placed(tree, [folder(""), file("alias")], "/app") == ["app/alias"]


@pytest.mark.parametrize(
    ("entries", "destination", "message"),
    [
        ([file("x")], "/app/file/", "/app/file: is a file, not a folder"),
        ([file("x")], "/app/file/y", "/app/file: is a file, not a folder"),
        ([folder(""), file("x")], "/app/file", "/app/file: is a file, not a folder"),
        ([file("sub")], "/app/", "/app/sub: is a directory and cannot be replaced by a file"),
        ([folder(""), folder("file")], "/app/", "/app/file: is a file and cannot be replaced by a directory"),
        ([folder(""), folder("folder-link")], "/app/", "/app/folder-link: is a symlink"),
    ],
)
def test_files_and_folders_never_replace_each_other(
    tree: FileTree, entries: list[Entry], destination: str, message: str
) -> None:
    with pytest.raises(TreeError, match=message):
        place(tree, entries, destination)


def test_a_working_folder_is_made_with_its_parents_unless_it_is_there(tree: FileTree) -> None:
    assert [(e.path, e.mode, e.uid) for e in make_folder(tree, "/srv/web", (3, 3))] == [
        ("srv", 0o755, 3),
        ("srv/web", 0o755, 3),
    ]
    assert make_folder(tree, "/app/sub") == []
    assert make_folder(tree, "/link/sub") == []
    assert make_folder(tree, "/") == []
    with pytest.raises(TreeError, match="not a folder"):
        make_folder(tree, "/app/file/x")
