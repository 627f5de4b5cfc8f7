"""Whether an index file can be trusted, without letting LMDB near it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmdb.verify import VerifyError, verify

if TYPE_CHECKING:
    from pathlib import Path


def find_damage(path: Path) -> str | None:
    """Return the first thing wrong with the environment in a folder that nobody has open, or None.

    LMDB believes what it reads: a file that was cut short ends the process with SIGBUS.
    """
    try:
        problems: list[str] = verify(str(path))  # type: ignore[no-untyped-call]  # the module has no stub
    except VerifyError as error:
        return str(error)
    return problems[0] if problems else None
