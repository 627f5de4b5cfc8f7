"""Where `lamella build` and `lamella pull` write: checked before anything is built or fetched."""

from __future__ import annotations

from dataclasses import replace
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
        return replace(output, path=output_file(str(output.path), make_folder=True))
    if output.path.exists() and not output.path.is_dir():
        raise click.BadParameter(f"{output.path} is a file; name a folder or a *.tar", param_hint=_OPTION)
    return output


def output_file(text: str, *, make_folder: bool = False) -> Path:
    """Return where a file can go, into a folder that is there or ``make_folder``; a usage error where that is nowhere.

    It is that which a symlink leads to. Pipes and devices, `/dev/stdout` among them, cannot be replaced by a file.
    """
    path = Path(text)
    if path.is_dir():
        raise click.BadParameter(f"{path} is a folder; name the file to write", param_hint=_OPTION)
    if path.exists() and not path.is_file():
        raise click.BadParameter(f"{path} is a pipe or a device; name a file", param_hint=_OPTION)
    if path.is_symlink():
        path = path.resolve()
    if not make_folder and not path.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}; make it first", param_hint=_OPTION)
    return path
