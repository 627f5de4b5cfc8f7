"""`lamella admin usage`."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import click

from lamella.cli import options
from lamella.cli.data_folder import check_data_folder, data_folder_argument
from lamella.cli.text import echo_json, echo_table, size_text

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.index import Place, Usage

_KIND = {"FILE": "files", "INLINE": "in the index", "PACKED": "packed", "RECIPE": "cold"}


@click.command()
@data_folder_argument
@options.json_output
def usage(*, data_folder: Path, as_json: bool) -> None:
    """Tell how much is in DATA_FOLDER, and what it takes on the disk; a server may be running.

    Packed blobs are the chunks that cold blobs are rebuilt from, and small blobs that came together.

    \b
        lamella admin usage /srv/lamella
    """
    from lamella.index import UsageTable
    from lamella.store.local import LocalStore

    check_data_folder(data_folder)

    async def read() -> dict[Place, Usage]:
        async with LocalStore(data_folder) as store:
            return UsageTable(store.index).all()

    places = {place.name: found for place, found in asyncio.run(read()).items()}
    if as_json:
        totals = {name.lower(): dataclasses.asdict(found) for name, found in places.items()}
        echo_json({**_sum(places), "places": totals})
    else:
        _echo(places)


def _sum(places: dict[str, Usage]) -> dict[str, int]:
    """Add up all places; the bytes of packed blobs are those of cold ones, which are not counted twice."""
    whole = [found for name, found in places.items() if name != "PACKED" or not places["RECIPE"].blobs]
    return {
        "blobs": sum(found.blobs for found in places.values()),
        "bytes": sum(found.size for found in whole),
        "stored": sum(found.stored for found in places.values()),
    }


def _echo(places: dict[str, Usage]) -> None:
    total = _sum(places)
    rows = [(_KIND[name], found.blobs, found.size, found.stored) for name, found in places.items()]
    rows.append(("all", total["blobs"], total["bytes"], total["stored"]))
    echo_table(
        ["blobs", "count", "bytes", "on disk", "ratio"],
        [
            [kind, str(blobs), size_text(size), size_text(stored), _ratio(kind, size, stored)]
            for kind, blobs, size, stored in rows
        ],
        right=range(1, 5),
    )


def _ratio(kind: str, size: int, stored: int) -> str:
    """Write how many bytes take one on the disk; of cold blobs alone it says nothing, since their bytes are packed."""
    return f"{size / stored:.1f}" if stored and kind != _KIND["RECIPE"] else "-"
