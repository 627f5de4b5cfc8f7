"""Bytes of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def total(paths: Iterable[Path]) -> int:
    """Return the bytes that files hold."""
    return sum(path.stat().st_size for path in paths)


def folder_total(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return total(path for path in folder.rglob("*") if path.is_file())
