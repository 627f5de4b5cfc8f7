"""`lamella admin`."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import click

from lamella.cli import options
from lamella.cli.admin_compact import compact
from lamella.cli.admin_gc import gc
from lamella.cli.admin_scrub import scrub
from lamella.cli.admin_usage import usage
from lamella.cli.data_folder import check_data_folder, data_folder_argument
from lamella.cli.text import echo_json, size_text
from lamella.errors import LamellaError

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.store.reindex import ReindexReport


@click.group()
def command() -> None:
    """Look after a server's data folder, on the machine that has it.

    DATA_FOLDER is what `lamella serve` names when it starts. Without it both take $LAMELLA_DATA, or else this user's
    data folder. A server may be running, except for reindex.

    \b
        lamella admin usage
        lamella admin gc /srv/lamella --dry-run --max-age 30d
    """


command.add_command(gc)
command.add_command(usage)
command.add_command(compact)
command.add_command(scrub)


@command.command(short_help="Check every blob and make the index agree.")
@data_folder_argument
@options.json_output
def reindex(*, data_folder: Path, as_json: bool) -> None:
    """Check every blob in DATA_FOLDER and make the index agree; no server may be running.

    What is damaged is moved to the folder `quarantine`. It may be run again after it was interrupted.

    \b
        lamella admin reindex /srv/lamella
    """
    from lamella.store.reindex import reindex as run

    check_data_folder(data_folder)
    report = run(data_folder)
    if as_json:
        echo_json(dataclasses.asdict(report))
    else:
        _echo(report)


@command.command("cache-merge", short_help="Turn merging of BuildKit caches on or off.")
@data_folder_argument
@click.argument("reference", metavar="REPOSITORY[:TAG]")
@click.option("--on/--off", "merges", default=None, help="Change it.  [default: tell how it is]")
@options.json_output
def cache_merge(*, data_folder: Path, reference: str, merges: bool | None, as_json: bool) -> None:
    """Merge the BuildKit caches that are exported to one tag, or let the last one replace the others.

    Merging is on until it is turned off, for a tag or for all tags of a repository; where it is off for the
    repository, it is off for each tag. A running server follows the change at once.

    \b
        lamella admin cache-merge /srv/lamella cache/app:main --off
        lamella admin cache-merge /srv/lamella cache/app
    """
    from lamella.index import CacheExports
    from lamella.registry.names import Repository, Tag
    from lamella.store.local import LocalStore

    check_data_folder(data_folder)
    name, colon, tag = reference.partition(":")
    try:
        repository = Repository(name).name
        tag = Tag(tag).name if colon else ""
    except LamellaError as error:
        raise click.BadParameter(str(error), param_hint="REPOSITORY[:TAG]") from None

    async def change() -> bool:
        async with LocalStore(data_folder) as store:
            exports = CacheExports(store.index)
            if merges is not None:
                await exports.set_merges(repository, tag, merges=merges)
            return exports.merges(repository, tag)

    merged = asyncio.run(change())
    if as_json:
        echo_json({"repository": repository, "tag": tag or None, "merged": merged})
    else:
        click.echo(f"caches exported to {reference} are {'' if merged else 'not '}merged")


def _echo(report: ReindexReport) -> None:
    click.echo(
        f"{report.files} files with {size_text(report.bytes)} and {report.inline} small blobs are as they should be"
    )
    if report.packs or report.cold:
        click.echo(f"so are {report.packs} packs, and the recipes of {report.cold} cold blobs")
    if report.adopted:
        click.echo(f"{report.adopted} of them were not in the index")
    if report.index_damage:
        click.echo(f"the index was damaged and is new: {report.index_damage}")
    if report.quarantined or report.lost:
        click.echo(f"{report.quarantined} files moved to quarantine, {report.lost} blobs lost")
