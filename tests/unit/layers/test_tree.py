from __future__ import annotations

import os
import shutil
import stat
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import Entry
from lamella.errors import LimitExceeded
from lamella.layers import tree as tree_module
from lamella.layers.tree import FileTree, TreeError

if TYPE_CHECKING:
    from collections.abc import Callable


def file(path: str, size: int = 1, mode: int = 0o644) -> Entry:
    return Entry(path, "file", mode=mode, size=size, digest=bytes(32))


def folder(path: str, mode: int = 0o755) -> Entry:
    return Entry(path, "directory", mode=mode)


def link(path: str, target: str) -> Entry:
    return Entry(path, "symlink", mode=0o777, link_target=target)


def hard_link(path: str, target: str) -> Entry:
    return Entry(path, "hardlink", link_target=target)


def stack(*layers: list[Entry]) -> FileTree:
    tree = FileTree()
    for layer in layers:
        tree.apply(layer)
    return tree


def paths(tree: FileTree) -> list[str]:
    return sorted(path for path, _ in tree.walk(tree.root))


def test_a_whiteout_hides_what_lower_layers_have() -> None:
    tree = stack([folder("a"), file("a/x"), file("a/y")], [file("a/.wh.x", 0)])
    assert paths(tree) == ["a", "a/y"]


def test_a_whiteout_leaves_what_its_own_layer_brings() -> None:
    tree = stack([folder("a"), file("a/x")], [folder("a"), file("a/z"), file(".wh.a", 0)])
    assert paths(tree) == ["a", "a/z"]


def test_an_opaque_whiteout_hides_all_of_a_folder_but_what_its_own_layer_brings() -> None:
    tree = stack([file("a/b/x"), file("a/y")], [file("a/new"), file("a/.wh..wh..opq", 0), file("a/b/z")])
    assert paths(tree) == ["a", "a/b", "a/b/z", "a/new"]


def test_an_opaque_whiteout_in_a_folder_that_replaces_a_symlink_leaves_the_target_alone() -> None:
    tree = stack([file("usr/lib/x"), link("lib", "usr/lib")], [folder("lib"), file("lib/.wh..wh..opq", 0)])
    assert paths(tree) == ["lib", "usr", "usr/lib", "usr/lib/x"]


def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round() -> None:
    tree = stack([file("a/x"), file("b")], [file("a"), folder("b"), file("b/y")])
    assert paths(tree) == ["a", "b", "b/y"]


def test_a_folder_given_again_keeps_its_content_and_takes_the_new_mode() -> None:
    tree = stack([folder("a"), file("a/x")], [folder("a", 0o700)])
    node = tree.resolve("a").node
    assert node is not None
    assert node.entry.mode == 0o700
    assert paths(tree) == ["a", "a/x"]


def test_a_hard_link_is_the_same_file_even_after_its_target_is_gone() -> None:
    tree = stack([file("a", 7), hard_link("b", "a")], [file(".wh.a", 0)])
    node = tree.resolve("b").node
    assert node is not None
    assert (node.entry.kind, node.entry.size) == ("file", 7)


def test_a_hard_link_to_nothing_is_an_error() -> None:
    with pytest.raises(TreeError, match="/b: hard link to 'a'"):
        stack([hard_link("b", "a")])


def test_a_file_below_a_file_is_an_error() -> None:
    with pytest.raises(TreeError, match="/a/b: /a is a file"):
        stack([file("a"), file("a/b")])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("bin/sh", "usr/bin/dash"),
        ("/bin/../bin/sh", "usr/bin/dash"),
        ("up/etc", "etc"),
        ("../../etc/passwd", "etc/passwd"),
        ("link-to-root/usr", "usr"),
        ("bin/new/file", "usr/bin/new/file"),
    ],
)
def test_symlinks_and_dots_stay_within_the_root(path: str, expected: str) -> None:
    tree = stack(
        [
            file("usr/bin/dash"),
            link("usr/bin/sh", "/usr/bin/dash"),
            link("bin", "usr/bin"),
            link("up", "../../.."),
            link("link-to-root", "/"),
            file("etc/passwd"),
        ]
    )
    assert tree.resolve(path).path == expected


def test_the_last_symlink_is_left_when_asked() -> None:
    tree = stack([file("a"), link("b", "a")])
    assert tree.resolve("b").path == "a"
    assert tree.resolve("b", follow_last=False).path == "b"


def test_a_circle_of_symlinks_is_an_error() -> None:
    with pytest.raises(TreeError, match="symlinks"):
        stack([link("a", "b"), link("b", "a")]).resolve("a/x")


def test_a_very_deep_path_is_no_trouble() -> None:
    deep = "/".join("d" * 3000)
    tree = stack([file(f"{deep}/x")], [file(".wh.d", 0)])
    assert paths(tree) == []


def test_the_number_of_entries_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "MAX_ENTRIES", 3)
    with pytest.raises(LimitExceeded, match="entries of a file system"):
        stack([file("a"), file("b")], [file("c/d")])


def test_the_root_takes_the_mode_that_a_layer_gives_it() -> None:
    assert stack([folder("", 0o700)]).root.entry.mode == 0o700


# --- against the kernel ------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
SIZES = st.integers(1, 1000)
ENTRIES = st.one_of(
    st.builds(file, PATHS, SIZES, st.sampled_from([0o600, 0o644])),
    st.builds(folder, PATHS, st.sampled_from([0o700, 0o755])),
    st.builds(link, PATHS, NAMES),
    st.builds(hard_link, PATHS, PATHS),
)
LAYERS = st.lists(st.tuples(st.sets(PATHS, max_size=2), st.lists(ENTRIES, max_size=6)), min_size=1, max_size=4)


def remove(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        shutil.rmtree(path)
    else:
        path.unlink()


def extract(root: Path, entry: Entry) -> None:
    """Put an entry on disk; raises ``OSError``, and changes nothing, where the kernel does not allow it."""
    path = root / entry.path
    target = root / (entry.link_target or "")
    if entry.kind == "hardlink" and (path == target or stat.S_ISDIR(target.lstat().st_mode)):
        raise IsADirectoryError(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == "directory" and path.is_dir() and not path.is_symlink():
        path.chmod(entry.mode)
        return
    if entry.kind == "hardlink":
        os.link(target, root / "linked", follow_symlinks=False)
        remove(path)
        (root / "linked").rename(path)
        return
    remove(path)
    if entry.kind == "directory":
        path.mkdir()
        path.chmod(entry.mode)
    elif entry.kind == "symlink":
        path.symlink_to(entry.link_target or "")
    else:
        path.write_bytes(bytes(entry.size))
        path.chmod(entry.mode)


def on_disk(root: Path) -> dict[str, tuple[str, int, int | str]]:
    found: dict[str, tuple[str, int, int | str]] = {}
    for path in root.rglob("*"):
        info = path.lstat()
        mode = stat.S_IMODE(info.st_mode)
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = ("symlink", mode, str(path.readlink()))
        elif path.is_dir():
            found[name] = ("directory", mode, 0)
        else:
            found[name] = ("file", mode, info.st_size)
    return found


def in_tree(tree: FileTree) -> dict[str, tuple[str, int, int | str]]:
    return {
        path: (node.entry.kind, node.entry.mode, node.entry.link_target or node.entry.size)
        for path, node in tree.walk(tree.root)
    }


def possible(change: Callable[[], None]) -> bool:
    try:
        change()
    except OSError:
        return False
    return True


@given(LAYERS)
def test_a_stack_of_layers_is_what_extracting_them_gives(layers: list[tuple[set[str], list[Entry]]]) -> None:
    tree = FileTree()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for hidden, entries in layers:
            whiteouts = []
            for path in sorted(hidden):
                if possible(partial(remove, root / path)):
                    parent, _, last = path.rpartition("/")
                    whiteouts.append(file(f"{parent}/.wh.{last}".lstrip("/"), 0))
            tree.apply(whiteouts + [entry for entry in entries if possible(partial(extract, root, entry))])
        assert in_tree(tree) == on_disk(root)
