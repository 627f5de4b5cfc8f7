"""The ``.pyc`` files that pip adds unless it is told not to; each holds its source's time, so no release shares any."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from benches.corpus.errors import CorpusError
from benches.corpus.tar_layer import File

if TYPE_CHECKING:
    from collections.abc import Sequence


def compiled(files: Sequence[File], name: str) -> list[File]:
    """Return the ``.pyc`` files of all sources among ``files``; ``name`` is for the error.

    Raises:
        CorpusError: a source is no Python of this version.
    """
    sources = [file for file in files if file.path.suffix == ".py"]
    written = max(file.modified for file in files)
    with tempfile.TemporaryDirectory() as folder:
        for file in sources:
            path = Path(folder) / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            os.utime(path, (file.modified, file.modified))
        # A process of its own, in one thread: what else is in memory would show in the bytes.
        command = [sys.executable, "-I", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "timestamp"]
        done = subprocess.run([*command, "-s", folder, "-p", "/", folder], check=False, capture_output=True, text=True)
        if done.returncode:
            raise CorpusError(f"{name}: {done.stdout.strip() or done.stderr.strip()}")
        found = sorted(Path(folder).rglob("*.pyc"))
        return [File(PurePosixPath(path.relative_to(folder)), path.read_bytes(), 0o644, written) for path in found]
