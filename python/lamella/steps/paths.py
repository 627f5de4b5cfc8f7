"""Paths inside an image, which are POSIX paths whatever machine this is."""

from __future__ import annotations

import posixpath


def join(folder: str, path: str) -> str:
    """Return ``path`` as seen from the absolute ``folder``: absolute, without ``.``, ``..`` or a slash at its end."""
    return posixpath.normpath("/" + posixpath.join(folder, path).lstrip("/"))


def join_destination(folder: str, path: str) -> str:
    """Return where COPY copies to, as ``join``, with a slash at its end where ``path`` names a folder for certain."""
    joined = join(folder, path)
    return joined + "/" if joined != "/" and is_folder(path) else joined


def is_folder(path: str) -> bool:
    """Tell whether a destination names a folder whatever is there: it is empty or ends with ``/``, ``.`` or ``..``."""
    return path.rpartition("/")[2] in {"", ".", ".."}


def relative(path: str) -> str:
    """Return a source's path relative to the root that it cannot leave; ``.`` for the root itself."""
    return join("/", path).lstrip("/") or "."


def literal(path: str) -> str:
    """Return the pattern that matches just ``path``, whatever wildcards there are in it."""
    if not any(character in "*?[" for character in path):
        return path  # no pattern, so that a backslash is one
    return "".join(_LITERALS.get(character, character) for character in path)


_LITERALS = {"*": "[*]", "?": "[?]", "[": "[[]", "\\": "\\\\"}
