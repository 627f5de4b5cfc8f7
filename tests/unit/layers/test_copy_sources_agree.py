"""COPY selects the same from the build context and, with --from, from a file system of layers."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from lamella._core import BuildContext, Entry
from lamella.layers.copy_source import copy_source
from lamella.layers.tree import FileTree, TreeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENTRIES = [
    Entry("a", "directory"),
    Entry("a/b", "directory"),
    Entry("a/b/c", "file", digest=bytes(32)),
    Entry("a/c", "file", digest=bytes(32)),
    Entry("a/up", "symlink", link_target="../b"),
    Entry("b", "directory"),
    Entry("b/b", "file", digest=bytes(32)),
    Entry("deep", "symlink", link_target="/a/b/c"),
    Entry("folder", "symlink", link_target="a"),
    Entry("lost", "symlink", link_target="nowhere"),
    Entry("self", "symlink", link_target="self"),
    Entry("#b#", "file", digest=bytes(32)),
    Entry("x*", "file", digest=bytes(32)),
]
NAMES = [
    "",
    ".",
    "..",
    "*",
    "?",
    "[ab]",
    "a*",
    "[",
    "?]c",
    "a",
    "b",
    "c",
    "up",
    "deep",
    "folder",
    "lost",
    "self",
    r"x\*",
    "none",
]
EXCLUDED = [[], ["b"], ["c"], ["**", "!b/c"], ["*", "!b"], ["c/"], ["b/*"], ["#*#"]]


@pytest.fixture
def folder(tmp_path: Path) -> BuildContext:
    for entry in ENTRIES:
        path = tmp_path / entry.path
        if entry.kind == "directory":
            path.mkdir()
        elif entry.link_target is None:
            path.touch()
        else:
            path.symlink_to(entry.link_target)
    return BuildContext(tmp_path)


@pytest.fixture
def tree() -> FileTree:
    tree = FileTree()
    tree.apply(ENTRIES)
    return tree


def test_every_source_selects_the_same_from_both(folder: BuildContext, tree: FileTree) -> None:
    sources = ["/".join(names) for count in (1, 2, 3) for names in product(NAMES, repeat=count)]
    for source in sources:
        for exclude in EXCLUDED if source.count("/") < 2 else EXCLUDED[:2]:
            expected = selected(lambda: folder.copy_source(source, exclude))  # noqa: B023 - called at once
            assert selected(lambda: copy_source(tree, source, exclude)) == expected, (source, exclude)  # noqa: B023


def selected(copy: Callable[[], list[Entry]]) -> list[tuple[str, str]] | str:
    """Return the paths and kinds, or what is wrong."""
    try:
        return [(entry.path, entry.kind) for entry in copy()]
    except FileNotFoundError:
        return "not found"
    except (OSError, TreeError):
        return "circle or conflict"
    except ValueError as error:
        return "malformed" if "pattern" in str(error) else "circle or conflict"
