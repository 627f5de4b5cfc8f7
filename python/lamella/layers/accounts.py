"""Users and groups by name, as a file system's own ``/etc/passwd`` and ``/etc/group`` tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lamella.errors import Invalid, LimitExceeded
from lamella.layers.tree import TreeError

if TYPE_CHECKING:
    from lamella.layers.tree import FileTree

MAX_ACCOUNT_FILE = 4 << 20
"""The largest ``/etc/passwd`` or ``/etc/group`` that is read, in bytes."""

MAX_ID = 0xFFFF_FFFE
"""The highest user or group number of Linux."""

MAX_DIGITS = 32
"""The longest number of a user or group, in characters."""


def owner(tree: FileTree, chown: str) -> tuple[int, int]:
    """Return the user and group number that ``USER[:GROUP]`` means, as BuildKit reads it.

    Without a group, a user given by name brings its own group, and a number is the group's number too. A tree's
    account files need plain sources.

    Raises:
        Invalid: a name is not in the tree's account files, or a number is too high.
    """
    user, colon, group = chown.partition(":")
    if user.isdecimal():
        user_id = group_id = _number(chown, user)
    else:
        fields = _find(tree, "etc/passwd", user, 4, chown)
        user_id, group_id = _number(chown, fields[2]), _number(chown, fields[3])
    if colon:
        group_id = _number(chown, group if group.isdecimal() else _find(tree, "etc/group", group, 3, chown)[2])
    return user_id, group_id


def _number(chown: str, text: str) -> int:
    if not text.isdecimal() or len(text) > MAX_DIGITS or int(text) > MAX_ID:
        raise Invalid(f"owner {chown[:100]!r}", f"{text[:100]!r} is not a number from 0 to {MAX_ID}")
    return int(text)


def _find(tree: FileTree, path: str, name: str, least: int, chown: str) -> list[str]:
    # Not splitlines(), which ends a line at characters that a person's name may have.
    for line in _read(tree, path).decode(errors="surrogateescape").split("\n"):
        fields = line.removesuffix("\r").split(":")
        if fields[0] == name and len(fields) >= least:
            return fields
    raise Invalid(f"owner {chown[:100]!r}", f"{name[:100]!r} is not in /{path} of the image; give a number instead")


def _read(tree: FileTree, path: str) -> bytes:
    node = tree.resolve(path).node
    if node is None or node.entry.kind != "file":
        return b""
    entry = node.entry
    if entry.size > MAX_ACCOUNT_FILE:
        raise LimitExceeded(f"/{path}", MAX_ACCOUNT_FILE, entry.size)
    if entry.source is None:
        raise TreeError(path, "its content cannot be read from this layer")
    with Path(entry.source).open("rb") as file:
        file.seek(entry.offset)
        return file.read(entry.size)
