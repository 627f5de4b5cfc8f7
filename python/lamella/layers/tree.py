"""The file system that a stack of layers makes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamella._core import Entry
from lamella.errors import LamellaError, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_ENTRIES = 2_000_000
"""The most entries that a tree takes in, over all its layers; each holds a few hundred bytes of memory."""

MAX_SYMLINKS = 40
"""The most symlinks that are followed to resolve one path, as in Linux."""

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


class TreeError(LamellaError):
    """A path does not make sense in the file system that the layers make."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"/{path}: {reason}")
        self.path = path
        self.reason = reason


class Node:
    """A file or folder of a tree.

    ``entry`` describes it (its ``path`` means nothing here: hard links share one entry); ``children`` is a dict for
    a folder and None for all else; ``layer`` is the place in the stack of the layer that it comes from, from 1.
    """

    __slots__ = ("children", "entry", "layer")

    def __init__(self, entry: Entry, layer: int) -> None:
        self.entry = entry
        self.layer = layer
        self.children: dict[str, Node] | None = {} if entry.kind == "directory" else None


@dataclass(frozen=True, slots=True)
class Location:
    """A path without symlinks, ``..`` or leading slash (the root is ``""``), and what is there: None for nothing."""

    path: str
    node: Node | None


class FileTree:
    """A file system, made by applying layers from the lowest up (OCI Image Specification 1.1, "Image Layer")."""

    def __init__(self) -> None:
        self.root = Node(Entry("", "directory"), 0)
        self._layers = 0
        self._entries = 0

    def apply(self, entries: Iterable[Entry]) -> None:
        """Put one layer on top: its entries in their stored order.

        Whiteouts hide what lower layers have, never what the same layer brings. A folder that no entry describes is
        0755 0:0.

        Raises:
            TreeError: an entry lies below something that is not a folder, or is a hard link to nothing.
            LimitExceeded: the layers have more than ``MAX_ENTRIES`` entries.
        """
        self._layers += 1
        for entry in entries:
            parent_path, _, name = entry.path.rpartition("/")
            if name == OPAQUE:
                folder = self.resolve(parent_path).node
                if folder is not None:
                    self._hide_children(folder)
            elif name.startswith(WHITEOUT + WHITEOUT):
                continue  # AUFS kept its own records under such names; they are not part of the file system
            elif name.startswith(WHITEOUT):
                self._hide(self.resolve(parent_path).node, name[len(WHITEOUT) :])
            elif name in {"", ".", ".."}:
                self._add_root(entry)
            else:
                self._add(entry, parent_path, name)

    def resolve(self, path: str, *, follow_last: bool = True) -> Location:
        """Walk to ``path``, following symlinks; neither they nor ``..`` ever leave the root.

        With ``follow_last`` false a symlink at the very end is what is found. Parts that do not exist are kept as
        they are, so the result names where a new file would be.

        Raises:
            TreeError: more than ``MAX_SYMLINKS`` symlinks are on the way.
        """
        pending = deque(path.split("/"))
        names: list[str] = []
        nodes: list[Node | None] = [self.root]
        followed = 0
        while pending:
            name = pending.popleft()
            if name in {"", "."}:
                continue
            if name == "..":
                if names:
                    names.pop()
                    nodes.pop()
                continue
            here = nodes[-1]
            node = here.children.get(name) if here is not None and here.children is not None else None
            target = node.entry.link_target if node is not None and node.entry.kind == "symlink" else None
            if target is not None and (follow_last or any(pending)):
                followed += 1
                if followed > MAX_SYMLINKS:
                    raise TreeError(path.lstrip("/"), f"more than {MAX_SYMLINKS} symlinks to follow")
                if target.startswith("/"):
                    names, nodes = [], [self.root]
                pending.extendleft(reversed(target.split("/")))
                continue
            names.append(name)
            nodes.append(node)
        return Location("/".join(names), nodes[-1])

    @staticmethod
    def walk(top: Node, levels: int | None = None) -> Iterator[tuple[str, Node]]:
        """Yield everything below a folder with its path relative to it, parents first; symlinks are not followed.

        With ``levels`` only paths of at most so many parts.
        """
        pending = [("", top)]
        while pending:
            prefix, folder = pending.pop()
            for name, node in (folder.children or {}).items():
                yield prefix + name, node
                if node.children is not None and (levels is None or prefix.count("/") + 1 < levels):
                    pending.append((f"{prefix}{name}/", node))

    def _add_root(self, entry: Entry) -> None:
        if entry.kind != "directory":
            raise TreeError(entry.path, f"the root of a file system cannot be a {entry.kind}")
        self.root.entry = entry
        self.root.layer = self._layers

    def _add(self, entry: Entry, parent_path: str, name: str) -> None:
        if entry.kind == "hardlink":
            target = self.resolve(entry.link_target or "", follow_last=False).node
            if target is None or target.children is not None:
                raise TreeError(entry.path, f"hard link to {entry.link_target!r}, which is no file")
            entry = target.entry
        folder = self._make_folders(parent_path)
        siblings = folder.children
        if siblings is None:
            raise TreeError(entry.path, f"/{parent_path} is a {folder.entry.kind}, not a folder")
        existing = siblings.get(name)
        if existing is not None and existing.children is not None and entry.kind == "directory":
            existing.entry = entry
            existing.layer = self._layers
        else:
            siblings[name] = self._new_node(entry)

    def _make_folders(self, path: str) -> Node:
        location = self.resolve(path)
        if location.node is not None:
            return location.node
        node = self.root
        for name in location.path.split("/"):
            if node.children is None:
                return node
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = self._new_node(Entry("", "directory"))
            node = child
        return node

    def _new_node(self, entry: Entry) -> Node:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise LimitExceeded("entries of a file system", MAX_ENTRIES, self._entries)
        return Node(entry, self._layers)

    def _hide(self, folder: Node | None, name: str) -> None:
        node = folder.children.get(name) if folder is not None and folder.children is not None else None
        if folder is not None and folder.children is not None and node is not None:
            self._hide_children(node)
            if node.layer < self._layers and not node.children:
                del folder.children[name]

    def _hide_children(self, top: Node) -> None:
        below: list[tuple[dict[str, Node], str, Node]] = []
        pending = [top]
        while pending:
            children = pending.pop().children or {}
            for name, node in children.items():
                below.append((children, name, node))
                pending.append(node)
        for children, name, node in reversed(below):
            if node.layer < self._layers and not node.children:
                del children[name]
