"""What projects take of a store, as `lamella stats` and `lamella admin usage` show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lamella.cli.text import echo_table, size_text

if TYPE_CHECKING:
    from collections.abc import Sequence


class ProjectLine(NamedTuple):
    """The distinct blobs that a project needs, their bytes as they were pushed, and what they take on the disk.

    No other project needs ``own_bytes`` of ``stored_bytes``. The project of the total is empty.
    """

    project: str
    blobs: int
    bytes: int
    stored_bytes: int
    own_bytes: int


def echo_projects(lines: Sequence[ProjectLine]) -> None:
    """Write a table to standard output; the total is the last line, if it is there."""
    echo_table(
        ["project", "blobs", "bytes", "on disk", "its own", "ratio"],
        [
            [
                line.project or "all",
                str(line.blobs),
                size_text(line.bytes),
                size_text(line.stored_bytes),
                size_text(line.own_bytes),
                ratio_text(line.bytes, line.stored_bytes),
            ]
            for line in lines
        ],
        right=range(1, 6),
    )


def ratio_text(size: int, stored: int) -> str:
    """Write how many bytes take one on the disk, or a dash where there are none."""
    return f"{size / stored:.1f}" if stored else "-"


def document_of(line: ProjectLine) -> dict[str, Any]:
    """Return a line for ``--json``; the total has no project."""
    fields = {name: value for name, value in line._asdict().items() if name != "project" or value}
    return {**fields, "ratio": round(line.bytes / line.stored_bytes, 3) if line.stored_bytes else None}
