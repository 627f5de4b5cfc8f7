"""Debian root file systems, by mmdebstrap: the base layer of most images, before and after its updates."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from benches.corpus.errors import CorpusError

if TYPE_CHECKING:
    from pathlib import Path

    from benches.corpus.pins import State

SUITE: Final = "bookworm"
"""The release that all states are of."""


def write_state(path: Path, state: State) -> None:
    """Write the tar of a root file system; no file in it is younger than the state.

    Raises:
        CorpusError: mmdebstrap is not installed, or fails.
    """
    if shutil.which("mmdebstrap") is None:
        raise CorpusError("mmdebstrap is not installed (a package of Debian's); --without-debian does without it")
    command = ["mmdebstrap", "--variant=minbase", "--format=tar", f"--include={','.join(state.packages)}"]
    done = subprocess.run(
        [*command, SUITE, str(path), *state.sources],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(state.built)},
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")] or [done.stderr.strip()]
        raise CorpusError(f"Debian, {state.name}: {errors[0]}\nIs a mirror of Debian in reach?")
