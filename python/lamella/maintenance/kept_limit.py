"""The size limit of the server, left in its data folder for maintenance that is not done by the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lamella.errors import StoreError
from lamella.layers.replace_file import replace_file

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "max-size"


def keep_limit(data_folder: Path, most: int | None) -> None:
    """Leave the most bytes that blobs may take on the disk, or that there is no such limit.

    Raises:
        OSError: the folder cannot be written to.
    """
    path = data_folder / _NAME
    if most is None:
        path.unlink(missing_ok=True)
        return
    data = f"{most}\n".encode()
    # A server whose disk is full can start: it writes nothing that is there.
    if not path.exists() or path.read_bytes() != data:
        with replace_file(path) as file:
            file.write(data)


def kept_limit(data_folder: Path) -> int | None:
    """Return the limit of the server that runs, or ran last, in bytes; None where it has none.

    Raises:
        StoreError: what is there is no number.
        OSError: it cannot be read.
    """
    path = data_folder / _NAME
    try:
        return int(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise StoreError(path, "it should hold a number of bytes") from None
