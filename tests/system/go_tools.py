"""Programs that ``.ci/fetch-go-tools`` builds, each at one pinned version."""

from __future__ import annotations

from pathlib import Path

import pytest

CACHE = Path(__file__).parents[2] / ".cache"


def go_tool(name: str) -> Path:
    """Return where a program is, if it is built."""
    return CACHE / name / name


def require_built(program: Path) -> None:
    """Skip a test, saying which program is not built."""
    if not program.exists():
        pytest.skip(f"{program.name} is not built (.ci/fetch-go-tools builds it, where there is a Go)")
