"""What ``--chmod`` does to a mode: octal, or symbolic as POSIX chmod has it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lamella.errors import Invalid

UMASK = 0o022
"""Bits that a clause without ``u``, ``g``, ``o`` or ``a`` leaves alone, whatever the umask of this machine."""

_OCTAL = re.compile(r"0*[0-7]{1,4}\Z")
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)\Z")
_ACTION = re.compile(r"([-+=])([rwxXstugo]*)")
_ALL = {"u": 0o4700, "g": 0o2070, "o": 0o1007}
_SHIFT = {"u": 6, "g": 3, "o": 0}


@dataclass(frozen=True, slots=True)
class Chmod:
    """A checked ``--chmod`` value."""

    text: str

    def __post_init__(self) -> None:
        if not _OCTAL.match(self.text) and not all(_CLAUSE.match(clause) for clause in self.text.split(",")):
            raise Invalid(f"--chmod={self.text}", "neither octal such as 0644 nor symbolic such as u=rwX,go=rX")

    def apply(self, mode: int, *, is_folder: bool) -> int:
        """Return the mode that an entry of ``mode`` gets, permission bits only."""
        if _OCTAL.match(self.text):
            return int(self.text, 8)
        for clause in self.text.split(","):
            match = _CLAUSE.match(clause)
            if match is not None:
                for operator, permissions in _ACTION.findall(match[2]):
                    mode = _change(mode, match[1], operator, permissions, is_folder=is_folder)
        return mode


def _change(mode: int, who: str, operator: str, permissions: str, *, is_folder: bool) -> int:
    classes = "ugo" if not who or "a" in who else who
    allowed = 0
    for name in classes:
        allowed |= _ALL[name]
    bits = _bits(mode, permissions, is_folder=is_folder) & allowed
    if not who:
        bits &= ~UMASK
    if operator == "+":
        return mode | bits
    if operator == "-":
        return mode & ~bits
    kept = 0o6000 if is_folder else 0  # chmod leaves a folder's set-ID bits unless they are named
    return (mode & ~(allowed & ~kept)) | bits


def _bits(mode: int, permissions: str, *, is_folder: bool) -> int:
    if permissions and permissions in _SHIFT:
        return (mode >> _SHIFT[permissions] & 0o7) * 0o111
    bits = 0
    for letter in permissions:
        if letter == "X":
            bits |= 0o111 if is_folder or mode & 0o111 else 0
        else:
            bits |= {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}[letter]
    return bits
