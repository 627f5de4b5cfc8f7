"""`lamella stats`."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import TYPE_CHECKING, Any

import click

from lamella.cli import options
from lamella.cli.project_table import ProjectLine, document_of, echo_projects
from lamella.cli.text import echo_json, echo_table, percent_text, seconds_text, size_text
from lamella.model import GroupBy

if TYPE_CHECKING:
    from lamella.client import ProjectRow, StatsRow, StoreUsage


@click.command()
@click.option(
    "--by",
    metavar="FIELD[,FIELD...]",
    default="",
    help=f"A row for each of these: {', '.join(GroupBy)}.  [default: one row for all]",
)
@click.option(
    "--since",
    type=options.AgeType(),
    metavar="AGE",
    help="Count the last 24h, 7d or 2w only, in whole UTC days.  [default: all that is known]",
)
@click.option(
    "--project", metavar="TENANT/PROJECT", default="", help="Count this project alone.  [default: all projects]"
)
@options.server
@options.json_output
def command(*, by: str, since: float | None, project: str, server: str | None, as_json: bool) -> None:
    """Show hits, misses, bytes and time saved, and what each project takes on the disk.

    Received and sent are bytes of blobs, before compression on the wire. Of what is stored, `bytes` are those of the
    distinct blobs of a project as they were pushed, `on disk` what they take, each chunk once, `its own` the part that
    no other project needs, and `ratio` the bytes by those on the disk.

    \b
        lamella stats
        lamella stats --by project,day --since 7d
        lamella stats --project default/cache/app --json
    """
    from lamella.client import AsyncClient

    fields = [_field(name) for name in by.split(",") if name]

    async def ask() -> tuple[list[StatsRow], StoreUsage]:
        async with AsyncClient(server) as client:
            rows = await client.stats(fields, project=project, since=None if since is None else time.time() - since)
            return rows, await client.usage(project=project)

    rows, stored = asyncio.run(ask())
    if as_json:
        echo_json({"rows": [dataclasses.asdict(row) for row in rows], "stored": _document(stored)})
    else:
        _echo(fields, rows)
        click.echo()
        _echo_stored(stored, with_total=not project)


def _field(name: str) -> GroupBy:
    try:
        return GroupBy(name)
    except ValueError:
        raise click.BadParameter(f"{name!r} is none of {', '.join(GroupBy)}", param_hint="--by") from None


def _echo(fields: list[GroupBy], rows: list[StatsRow]) -> None:
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


def _line(row: ProjectRow) -> ProjectLine:
    return ProjectLine(row.project, row.blobs, row.bytes, row.stored_bytes, row.own_bytes)


def _document(stored: StoreUsage) -> dict[str, Any]:
    return {
        "counted": stored.counted,
        "projects": [document_of(_line(row)) for row in stored.projects],
        "total": None if stored.total is None else document_of(_line(stored.total)),
        "places": [{**dataclasses.asdict(row), "where": row.where.name.lower()} for row in stored.places],
    }


def _echo_stored(stored: StoreUsage, *, with_total: bool) -> None:
    rest = sum(place.stored_bytes for place in stored.places if place.where.name == "REST_OF_PACKS")
    on_disk = size_text(sum(place.stored_bytes for place in stored.places))
    on_disk += f", with {size_text(rest)} that packs hold beside blobs" if rest else ""
    if stored.counted is None or stored.total is None:
        click.echo(f"stored: {on_disk}; what each project takes is counted when garbage is collected next")
        return
    age = seconds_text(max(0, time.time() - stored.counted))
    click.echo(f"stored: {on_disk}; by project, as counted {age} ago:")
    echo_projects([_line(row) for row in (*stored.projects, *([stored.total] if with_total else []))])
