"""What ``COPY --from`` copies out of a file system.

The rules are those of ``rust/core/src/copy_source.rs``, which works on the list of all files that the walk over a build
context gives. To make such a list of a stage's file system, which may have a million files, would cost more than all
else: most COPYs name one of them. So this looks just where the source leads. Wildcards and patterns are matched by one
implementation for both.
"""

from __future__ import annotations

import os
import posixpath
import re
from itertools import compress
from typing import TYPE_CHECKING

from lamella._core import match_patterns, match_wildcards
from lamella.layers.tree import TreeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella._core import Entry
    from lamella.layers.tree import FileTree

_WILDCARD = re.compile(r"(?:\\.|[^*?\[\\])*[*?\[]", re.DOTALL)


def has_wildcard(text: str) -> bool:
    r"""Tell whether a path holds ``*``, ``?`` or ``[`` without a ``\`` before it; if not, it means just itself."""
    return _WILDCARD.match(text) is not None


def copy_source(tree: FileTree, source: str, exclude: Sequence[str] = ()) -> list[Entry]:
    """Return what ``COPY --from`` copies for one source, in the order of paths' bytes, owners and modes kept.

    ``lamella._core.BuildContext.copy_source`` decides the rules: a file has its base name, a folder's content is
    relative to that folder, and the folder itself is there with the path ``""``. A symlink that ``source`` itself
    names is followed within the tree; one below a copied folder is copied as a symlink. Where two matches share a path,
    the later one (in the order of their names) is kept, and where wildcards match nothing, nothing is copied.

    Raises:
        FileNotFoundError: the tree does not have ``source``, or the folder that its wildcards are looked for in.
        PatternError: a pattern is malformed.
        TreeError: symlinks run in a circle, or a folder and a file share a path.
    """
    entries: dict[str, Entry] = {}
    for path in _matches(tree, source):
        node = tree.resolve(path).node
        if node is None:
            raise _not_found(path)
        if node.children is None:
            found = {path.rpartition("/")[2]: node.entry}
        else:
            entries.setdefault("", node.entry.replace(path=""))
            found = {name: child.entry for name, child in tree.walk(node)}
        for name, entry in _without(exclude, found).items():
            if name in entries and (entries[name].kind == "directory") != (entry.kind == "directory"):
                raise TreeError(name, f"{source} gives both a folder and a file of this name")
            entries[name] = entry.replace(path=name)
    return [entries[name] for name in sorted(entries, key=os.fsencode)]


def _without(exclude: Sequence[str], entries: dict[str, Entry]) -> dict[str, Entry]:
    """Leave out what the patterns exclude, but for folders in which something stays."""
    if not exclude:
        return entries
    names = list(entries)
    excluded = match_patterns(exclude, names, lines=False)
    kept = {name for name, hidden in zip(names, excluded, strict=True) if not hidden}
    for name in list(kept):
        parent = name.rpartition("/")[0]
        while parent and parent not in kept:
            kept.add(parent)
            parent = parent.rpartition("/")[0]
    return {name: entry for name, entry in entries.items() if name in kept}


def _matches(tree: FileTree, source: str) -> list[str]:
    """Return what a source stands for: itself, or what its wildcards match without following symlinks.

    As in BuildKit they match a path as a whole, so that a class may match a slash (Go's ``filepath.Match``), and what
    is in a folder that matches is copied with it.
    """
    parts = posixpath.normpath(f"/{source.lstrip('/')}")[1:].split("/")
    plain = next((place for place, part in enumerate(parts) if has_wildcard(part)), len(parts))
    if plain == len(parts):
        return ["/".join(parts)]
    wildcard = "/".join(parts[plain:])
    match_wildcards(wildcard, [])  # A malformed one is an error even where nothing is to be matched.
    top = tree.resolve("/".join(parts[:plain]))
    if top.node is None:
        raise _not_found(source)
    levels = 1 + wildcard.count("/") + wildcard.count("[")  # Nothing else matches a slash.
    below = [path for path, _ in tree.walk(top.node, levels)]
    matches: list[str] = []
    for path in sorted(compress(below, match_wildcards(wildcard, below)), key=_parts):
        if not matches or not path.startswith(f"{matches[-1]}/"):
            matches.append(path)
    return [f"{top.path}/{path}" for path in matches]


def _parts(path: str) -> list[bytes]:
    return os.fsencode(path).split(b"/")


def _not_found(source: str) -> FileNotFoundError:
    return FileNotFoundError(f"{source}: no such file or folder in the stage or image that is copied from")
