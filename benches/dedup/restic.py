"""restic as the peer: a backup program that also cuts content into chunks, stores each once, and compresses it."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Restic:
    """One repository below ``folder``; ``compression`` is restic's ``auto`` (its default) or ``max``."""

    def __init__(self, folder: Path, compression: str) -> None:
        self.folder = folder
        self._command = ["restic", "--quiet", "--no-cache", "--repo", str(folder), "--compression", compression]
        # Format 2 is the one that compresses.
        self._run("init", "--repository-version", "2")

    def add(self, path: Path) -> None:
        """Back up one file."""
        self._run("backup", str(path))

    @staticmethod
    def version() -> str | None:
        """Return the version's name, for example ``restic 0.14.0``; None where restic is not installed."""
        if shutil.which("restic") is None:
            return None
        output = subprocess.run(["restic", "version"], check=True, capture_output=True, text=True).stdout
        return " ".join(output.split()[:2])

    def _run(self, *arguments: str) -> None:
        environment = {**os.environ, "RESTIC_PASSWORD": "benchmark"}
        subprocess.run([*self._command, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment)
