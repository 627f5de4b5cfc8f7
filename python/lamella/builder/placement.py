"""Where files go in a file system, by the rules of COPY and WORKDIR as BuildKit applies them.

A destination is a folder where it ends with ``/``, where one is there, or where a folder or several files go to it;
otherwise it is the new name of the one file. Symlinks on the way to the destination are followed within the root. A
folder that is missing becomes 0755, with the owner given; one that is there keeps its mode and owner, unless a copied
folder below the destination brings others. Files replace files and symlinks; a file and a folder never replace each
other.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lamella._core import Entry
from lamella.layers.tree import WHITEOUT, TreeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella.layers.tree import FileTree

FOLDER_MODE = 0o755


def place(tree: FileTree, entries: Sequence[Entry], destination: str, owner: tuple[int, int] = (0, 0)) -> list[Entry]:
    """Return the layer that puts ``entries`` into ``destination`` on top of ``tree``, parents before what they hold.

    The entries' paths are relative to the destination; a folder's content comes with an entry for the path ``""``.
    Where two have one path, the later one is kept. ``owner`` is that of folders made on the way; where there are no
    entries, none is made.

    Raises:
        TreeError: the destination, or a parent of it, is no folder; or a file and a folder would replace each other.
    """
    if not entries:
        return []
    location = tree.resolve(destination)
    there = location.node is not None and location.node.children is not None
    if not (destination.endswith("/") or there or any(not entry.path for entry in entries)):
        names = {entry.path for entry in entries}
        if len(names) > 1:
            raise TreeError(location.path, f"is no folder, but {len(names)} files go to it; end it with '/'")
        layer = _Layer(tree, owner)
        for entry in entries:
            layer.put(location.path, entry)
        return layer.sorted()
    layer = _Layer(tree, owner)
    layer.make_folder(location.path)
    for entry in entries:
        if entry.path:
            layer.put(f"{location.path}/{entry.path}".lstrip("/"), entry)
    return layer.sorted()


def make_folder(tree: FileTree, path: str, owner: tuple[int, int] = (0, 0)) -> list[Entry]:
    """Return the layer that makes a folder and its parents where they are missing: no entry where all are there.

    Raises:
        TreeError: something on the way is no folder.
    """
    layer = _Layer(tree, owner)
    layer.make_folder(tree.resolve(path).path)
    return layer.sorted()


class _Layer:
    def __init__(self, tree: FileTree, owner: tuple[int, int]) -> None:
        self._tree = tree
        self._owner = owner
        self._entries: dict[str, Entry] = {}

    def make_folder(self, path: str) -> None:
        parts = path.split("/") if path else []
        for end in range(1, len(parts) + 1):
            folder = "/".join(parts[:end])
            existing = self._existing(folder)
            if existing is None:
                user, group = self._owner
                self._entries[folder] = Entry(folder, "directory", mode=FOLDER_MODE, uid=user, gid=group)
            elif existing.kind != "directory":
                raise TreeError(folder, f"is a {existing.kind}, not a folder")

    def put(self, path: str, entry: Entry) -> None:
        if not path:
            raise TreeError(path, "the root cannot be replaced")
        self.make_folder(path.rpartition("/")[0])
        existing = self._existing(path)
        if existing is not None and (existing.kind == "directory") != (entry.kind == "directory"):
            raise TreeError(path, f"is a {existing.kind} and cannot be replaced by a {entry.kind}")
        if existing is None or entry.kind != "directory" or not _same_folder(existing, entry):
            self._entries[path] = entry.replace(path=path)

    def sorted(self) -> list[Entry]:
        for path in self._entries:
            if path.rpartition("/")[2].startswith(WHITEOUT):
                raise TreeError(path, f"a name that starts with {WHITEOUT!r} would hide files of the layers below")
        return [self._entries[path] for path in sorted(self._entries, key=os.fsencode)]

    def _existing(self, path: str) -> Entry | None:
        if path in self._entries:
            return self._entries[path]
        node = self._tree.resolve(path, follow_last=False).node
        return None if node is None else node.entry


def _same_folder(left: Entry, right: Entry) -> bool:
    return (left.mode, left.uid, left.gid, left.xattrs) == (right.mode, right.uid, right.gid, right.xattrs)
