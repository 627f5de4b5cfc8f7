"""Sizes, times and tables as people read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

UNITS = ("kB", "MB", "GB", "TB")


def size_text(size: int) -> str:
    """Write a number of bytes in decimal units: ``0 B``, ``999 B``, ``1.5 MB``."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in UNITS:
        value /= 1000
        if round(value, 1) < 1000 or unit == UNITS[-1]:
            break
    return f"{value:.1f} {unit}"


def seconds_text(seconds: float) -> str:
    """Write a duration: ``12 ms``, ``3.4 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if round(seconds, 3) < 1:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def percent_text(part: int, whole: int) -> str:
    """Write a share: ``75 %``, or a dash for a share of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else "-"


def echo_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Write a table to standard output; the columns whose places are in ``right`` are aligned to the right."""
    widths = [max(len(row[place]) for row in (header, *rows)) for place in range(len(header))]
    for row in (header, ["-" * width for width in widths], *rows):
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def echo_json(document: object) -> None:
    """Write a JSON document to standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
