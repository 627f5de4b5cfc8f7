"""`lamella admin usage`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from lamella.cli import options
from lamella.cli.data_folder import check_data_folder, data_folder_argument
from lamella.cli.project_table import ProjectLine, document_of, echo_projects, ratio_text
from lamella.cli.text import echo_json, echo_table, size_text

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.index import Place, ProjectUsage, ProjectUsages, Usage

_KIND = {"FILE": "files", "INLINE": "in the index", "PACKED": "packed", "RECIPE": "cold", "INFLATED": "inflated"}

_WHERE = {"FILE": "files", "INLINE": "index", "PACKED": "packs", "RECIPE": "recipes", "INFLATED": "inflated"}
"""What ``--json`` calls places, as that of `lamella stats` does."""

_COUNTED_TWICE = frozenset({"PACKED", "INFLATED"})
"""Places of blobs that are parts of others, or the same as others."""


@click.command(short_help="Tell how much is stored, and what it takes on the disk.")
@data_folder_argument
@click.option("--by-project", is_flag=True, help="Also count what each project takes, which reads the whole index.")
@options.json_output
def usage(*, data_folder: Path, by_project: bool, as_json: bool) -> None:
    """Tell how much is in DATA_FOLDER, and what it takes on the disk; a server may be running.

    Packed blobs are the chunks that cold blobs are rebuilt from, and small blobs that came together. Inflated ones are
    what others hold compressed, and take nothing. The rest of packs are their tables, and what nothing needs any more
    until they are written anew. All that is on the disk is what --max-size limits.

    \b
        lamella admin usage /srv/lamella
        lamella admin usage /srv/lamella --by-project
    """
    from lamella.index import Usage, UsageTable
    from lamella.maintenance.async_pace import AsyncPace
    from lamella.server.garbage import compose_counter
    from lamella.store.local import LocalStore

    check_data_folder(data_folder)

    async def read() -> tuple[dict[Place, Usage], int, ProjectUsages | None]:
        async with LocalStore(data_folder) as store:
            projects = await compose_counter(store, AsyncPace(1)).count() if by_project else None
            table = UsageTable(store.index)
            return table.all(), table.rest_of_packs(), projects

    found, rest, projects = asyncio.run(read())
    places = {place.name: usage for place, usage in found.items()}
    if as_json:
        rows = [_place(_WHERE[name], found) for name, found in places.items()]
        rows.append(_place("rest_of_packs", Usage(stored=rest)))
        echo_json({**_sum(places, rest), "places": rows, **({} if projects is None else _document(projects))})
        return
    _echo(places, rest)
    if projects is not None:
        click.echo()
        lines = [_line(name, found) for name, found in projects.projects.items()]
        echo_projects([*lines, _line("", projects.total)])


def _place(where: str, usage: Usage) -> dict[str, Any]:
    return {"where": where, "blobs": usage.blobs, "bytes": usage.size, "stored_bytes": usage.stored}


def _line(project: str, usage: ProjectUsage) -> ProjectLine:
    return ProjectLine(project, usage.blobs, usage.size, usage.stored, usage.own)


def _document(usages: ProjectUsages) -> dict[str, Any]:
    return {
        "projects": [document_of(_line(name, found)) for name, found in usages.projects.items()],
        "total": document_of(_line("", usages.total)),
    }


def _sum(places: dict[str, Usage], rest: int) -> dict[str, int]:
    """Add up all places; packed blobs are parts of cold ones, and nothing is counted twice."""
    twice = _COUNTED_TWICE if places["RECIPE"].blobs else _COUNTED_TWICE - {"PACKED"}
    whole = [found for name, found in places.items() if name not in twice]
    return {
        "blobs": sum(found.blobs for found in whole),
        "bytes": sum(found.size for found in whole),
        "stored_bytes": sum(found.stored for found in places.values()) + rest,
    }


def _echo(places: dict[str, Usage], rest: int) -> None:
    total = _sum(places, rest)
    echo_table(
        ["blobs", "count", "bytes", "on disk", "ratio"],
        [
            *(_row(_KIND[name], found.blobs, found.size, found.stored) for name, found in places.items()),
            ["rest of packs", "-", "-", size_text(rest), "-"],
            _row("all", total["blobs"], total["bytes"], total["stored_bytes"]),
        ],
        right=range(1, 5),
    )


def _row(kind: str, blobs: int, size: int, stored: int) -> list[str]:
    """Write how many bytes take one on the disk; where they are those of other blobs that says nothing."""
    ratio = "-" if kind in (_KIND["RECIPE"], _KIND["INFLATED"]) else ratio_text(size, stored)
    return [kind, str(blobs), size_text(size), size_text(stored), ratio]
