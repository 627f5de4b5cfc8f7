"""Where `lamella build` and `lamella pull` write: checked before anything is built or fetched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamella.errors import Invalid

if TYPE_CHECKING:
    from lamella.builder.output import Output

_OPTION = "--output"


def parse_output(text: str) -> Output | None:
    """Return where an image goes, or None for ``none``; a usage error where that is malformed, or cannot be written."""
    from lamella.builder.output import Output

    try:
        output = Output.parse(text)
    except Invalid as error:
        raise click.BadParameter(error.reason, param_hint=_OPTION) from None
    if output is None:
        return None
    above = next((path for path in output.path.absolute().parents if path.exists()), output.path.absolute().parent)
    if not above.is_dir():
        raise click.BadParameter(f"{above} is a file, so nothing can be written below it", param_hint=_OPTION)
    if output.as_tar:
        check_output_file(str(output.path), make_folder=True)
    elif output.path.exists() and not output.path.is_dir():
        raise click.BadParameter(f"{output.path} is a file; name a folder or a *.tar", param_hint=_OPTION)
    return output


def check_output_file(text: str, *, make_folder: bool = False) -> None:
    """Accept a path that a file can be written to, in a folder that is there or ``make_folder``; a usage error else."""
    path = Path(text)
    if path.is_dir():
        raise click.BadParameter(f"{path} is a folder; name the file to write", param_hint=_OPTION)
    if not make_folder and not path.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}; make it first", param_hint=_OPTION)
