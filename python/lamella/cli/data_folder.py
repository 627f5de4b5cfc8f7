"""The folder that a server keeps its data in, and that `lamella admin` looks after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lamella.cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

DATA_VARIABLE: Final = "LAMELLA_DATA"
"""The environment variable that names it."""


def default_data_folder() -> Path:
    """Return the folder of this user's server."""
    import platformdirs

    return Path(platformdirs.user_data_dir("lamella"))


data_folder_argument = click.argument(
    "data_folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar=DATA_VARIABLE,
    default=default_data_folder,
)
"""``data_folder``: a path of a folder that exists; by default that of this user's server."""


def check_data_folder(data_folder: Path) -> None:
    """Raise ``Failure`` where a folder is not one that a server keeps its data in."""
    from lamella.store.layout import Layout

    if not Layout(data_folder).marker.is_file():
        raise Failure(f"{data_folder} is not the data folder of a server; `lamella serve` names its own when it starts")


def wait_for_maintenance() -> Callable[[], bool]:
    """Return what says, once, that another process maintains the folder, and then goes on waiting."""
    told = False

    def wait() -> bool:
        nonlocal told
        if not told:
            click.echo("waiting for another process that maintains the folder (Ctrl+C to give up)", err=True)
            told = True
        return True

    return wait
