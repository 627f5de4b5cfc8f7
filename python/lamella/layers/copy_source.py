"""What ``COPY --from`` copies out of a file system."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lamella._core import match_patterns
from lamella.layers.wildcard import component_pattern, has_wildcard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella._core import Entry
    from lamella.layers.tree import FileTree


def copy_source(tree: FileTree, source: str, exclude: Sequence[str] = ()) -> list[Entry]:
    """Return what ``COPY --from`` copies for one source, in the order of paths' bytes, owners and modes kept.

    The rules are those of ``lamella._core.BuildContext.copy_source``: a file has its base name, a folder's content is
    relative to that folder, and the folder itself is there with the path ``""``. A symlink that ``source`` itself
    names is followed within the tree; one below a copied folder is copied as a symlink. Where matches share a path,
    the later one (in the order of their names) wins.

    Raises:
        FileNotFoundError: nothing of the tree matches.
        PatternError: a pattern is malformed.
        TreeError: symlinks run in a circle.
    """
    entries: dict[str, Entry] = {}
    for path in _matches(tree, source):
        node = tree.resolve(path).node
        if node is None:
            continue
        if node.children is None:
            name = path.rpartition("/")[2]
            entries[name] = node.entry.replace(path=name)
        else:
            entries[""] = node.entry.replace(path="")
            entries.update((name, found.entry.replace(path=name)) for name, found in tree.walk(node))
    if not entries:
        raise FileNotFoundError(f"{source}: no such file or folder in the stage or image that is copied from")
    paths = sorted(entries, key=os.fsencode)
    if exclude:
        hidden = match_patterns(exclude, paths)
        paths = [path for path, hide in zip(paths, hidden, strict=True) if not (hide and path)]
    return [entries[path] for path in paths]


def _matches(tree: FileTree, source: str) -> list[str]:
    parts = [part for part in source.split("/") if part not in {"", "."}]
    paths = [""]
    for part in parts:
        if not has_wildcard(part):
            paths = [f"{path}/{part}" for path in paths]
            continue
        pattern = component_pattern(part)
        found: list[str] = []
        for path in paths:
            node = tree.resolve(path).node
            names = node.children or {} if node is not None else {}
            found += (f"{path}/{name}" for name in sorted(names, key=os.fsencode) if pattern.fullmatch(name))
        paths = found
    return [path for path in paths if tree.resolve(path, follow_last=False).node is not None]
