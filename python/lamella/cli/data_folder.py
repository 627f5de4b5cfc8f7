"""The folder that `lamella admin` looks after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamella.cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

data_folder_argument = click.argument("data_folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
"""``data_folder``: a path of a folder that exists."""


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
