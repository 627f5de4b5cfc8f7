"""`lamella stats`."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import TYPE_CHECKING

import click

from lamella.cli import options
from lamella.cli.text import echo_json, echo_table, percent_text, seconds_text, size_text

if TYPE_CHECKING:
    from lamella.client import StatsRow

FIELDS = ("project", "builder", "instruction", "day")


@click.command()
@click.option("--by", metavar="FIELD[,FIELD...]", default="", help=f"A row for each {', '.join(FIELDS)}.")
@click.option("--since", type=options.AgeType(), metavar="AGE", help="Count from this long ago, in whole UTC days.")
@click.option("--project", metavar="TENANT/PROJECT", default="", help="Count this project alone.")
@options.server
@options.json_output
def command(*, by: str, since: float | None, project: str, server: str | None, as_json: bool) -> None:
    """Show hits, misses, bytes and time saved.

    \b
        lamella stats --by project,day --since 7d
    """
    from lamella.client import AsyncClient, GroupBy

    fields = [field for field in by.split(",") if field]
    for field in fields:
        if field not in FIELDS:
            raise click.BadParameter(f"{field!r} is none of {', '.join(FIELDS)}", param_hint="--by")

    async def ask() -> list[StatsRow]:
        async with AsyncClient(server) as client:
            return await client.stats(
                [GroupBy[field.upper()] for field in fields],
                project=project,
                since=None if since is None else time.time() - since,
            )

    rows = asyncio.run(ask())
    if as_json:
        echo_json([dataclasses.asdict(row) for row in rows])
    else:
        _echo(fields, rows)


def _echo(fields: list[str], rows: list[StatsRow]) -> None:
    header = [*fields, "steps", "hits", "misses", "hit rate", "commits", "received", "sent", "time saved"]
    lines = [
        [
            *(getattr(row, field) or "(none)" for field in fields),
            str(row.lookups),
            str(row.hits),
            str(row.misses),
            percent_text(row.hits, row.lookups),
            str(row.commits),
            size_text(row.bytes_in),
            size_text(row.bytes_out),
            seconds_text(row.saved),
        ]
        for row in rows
    ]
    echo_table(header, lines, right=range(len(fields), len(header)))
