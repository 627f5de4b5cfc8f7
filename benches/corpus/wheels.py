"""Wheels, fetched once by pip from wherever it is configured to look, and checked against their pinned SHA-256."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benches.corpus.errors import CorpusError

if TYPE_CHECKING:
    from benches.corpus.pins import Release

TARGET: Final = (
    "--no-deps",
    "--only-binary=:all:",
    "--python-version=3.11",
    "--implementation=cp",
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux_2_17_x86_64",
    "--platform=manylinux2014_x86_64",
)
"""Whatever machine this is, the wheels are those of one Python on one platform."""


def fetch(release: Release, folder: Path) -> Path:
    """Return the wheel of a release, below ``folder``; pip fetches it if it is not there yet.

    Raises:
        CorpusError: pip cannot fetch it, or what it finds is not what was pinned.
    """
    kept = folder / f"{release.package}-{release.version}.whl"
    if kept.exists() and hashlib.sha256(kept.read_bytes()).hexdigest() == release.sha256:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        draft = Path(name)
        pinned = draft / "requirements.txt"
        pinned.write_text(f"{release.package}=={release.version} --hash=sha256:{release.sha256}\n", "utf-8")
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", *TARGET]
        command += ["--dest", name, "--require-hashes", "--requirement", str(pinned)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] or [done.stderr.strip()]
            hint = "is a package registry in reach (`pip config list`)?"
            raise CorpusError(f"pip cannot fetch {release.package} {release.version}: {errors[-1]}\n{hint}")
        (wheel,) = draft.glob("*.whl")
        return wheel.replace(kept)
