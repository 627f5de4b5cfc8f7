"""Files that appear complete or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from lamella.errors import NO_ROOM

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY_PREFIX: Final = ".tmp-"
"""What names of files begin with that are being written, or were when their writer was killed."""


@contextmanager
def replace_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file that takes the place of ``path`` when the block ends, and is removed where it fails.

    Raises:
        OSError: the folder cannot be written to, or is full; it names ``path``.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY_PREFIX)
    except OSError as error:
        error.filename = str(path)
        raise
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
        temporary.chmod(0o644)
        temporary.rename(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and error.errno in NO_ROOM:
            error.filename = str(path)  # what is written to an open file fails without a name
        raise
