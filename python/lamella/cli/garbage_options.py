"""What `lamella serve` and `lamella admin gc` are told about garbage."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lamella.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

_max_size = click.option(
    "--max-size",
    metavar="SIZE",
    help="How much blobs may take on the disk, such as 200GiB, 1.5TB or 80% of the file system: "
    "what was used longest ago goes first.  [default: no limit]",
)
_max_age = click.option(
    "--max-age",
    type=options.AgeType(),
    metavar="AGE",
    help="Remove what nobody has used for this long, such as 36h, 30d or 8w.  [default: no limit]",
)
_grace = click.option(
    "--grace",
    type=options.AgeType(),
    default="2h",
    show_default=True,
    metavar="AGE",
    help="How long to keep blobs that nothing needs, counted from their last use.",
)
_retention = click.option(
    "--retention",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A TOML file of rules on what is kept in some repositories and scopes; docs/gc.md explains it.  "
    "[default: no rules]",
)


def garbage_options(command: F) -> F:
    """Add ``--max-size``, ``--max-age``, ``--grace`` and ``--retention``."""
    return _max_size(_max_age(_grace(_retention(command))))


def size_limit(text: str | None, folder: Path) -> int | None:
    """Return what ``--max-size`` means in bytes, for data in a folder that may not be there yet; a usage error else."""
    if text is None:
        return None
    from lamella.maintenance.amounts import parse_size

    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    file_system = os.statvfs(existing)
    try:
        return parse_size(text, file_system.f_blocks * file_system.f_frsize)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--max-size") from None
