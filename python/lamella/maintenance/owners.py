"""Which blobs one project alone needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamella._core import DigestSet
from lamella.maintenance.marker import split

if TYPE_CHECKING:
    from lamella.model import Digest


@dataclass(frozen=True, slots=True)
class Claims:
    """What it changes that a project needs some blobs.

    ``first`` are the digests, 32 bytes each, of those that no project before it needs; ``lost`` are those that until
    now another project alone needed, by its number.
    """

    first: bytes
    lost: dict[int, set[Digest]]


class Owners:
    """Projects are looked at one after the other, and have numbers from 0.

    The sets of what they were the first to need have no blob in common, so that together they are as large as one.
    """

    def __init__(self) -> None:
        self._seen = DigestSet()
        self._shared = DigestSet()
        self._first: list[DigestSet] = []

    def begin(self) -> None:
        """Go on to the next project."""
        self._first.append(DigestSet())

    def claim(self, digests: bytes) -> Claims:
        """Let the project need blobs: digests of 32 bytes each, all of which it needs for the first time."""
        first = self._seen.add(digests)
        self._first[-1].add(first)
        shared = self._shared.add(self._first[-1].absent(digests))
        lost: dict[int, set[Digest]] = {}
        for project in range(len(self._first) - 1):
            if not shared:
                break
            rest = self._first[project].absent(shared)
            if len(rest) < len(shared):
                lost[project] = set(split(shared)) - set(split(rest))
                shared = rest
        return Claims(first, lost)
