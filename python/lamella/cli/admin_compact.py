"""`lamella admin compact`."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from lamella.cli import options
from lamella.cli.data_folder import check_data_folder, data_folder_argument, wait_for_maintenance
from lamella.cli.text import echo_json, size_text

if TYPE_CHECKING:
    from pathlib import Path


@click.command(short_help="Store layers as chunks, each chunk once.")
@data_folder_argument
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also blobs that were used within the last hour.  [default: those that were not]",
)
@options.json_output
def compact(*, data_folder: Path, everything: bool, as_json: bool) -> None:
    """Turn blobs in DATA_FOLDER cold: store only the chunks that no other blob has.

    Servers do that by themselves, with half of one core; this does it now, and at full speed. A server may be running.
    Blobs of up to 256 KiB, and those that would not take less room, stay whole; so do, for now, those for whose chunks
    the server's --max-size leaves no room.

    \b
        lamella admin compact /srv/lamella
        lamella admin compact /srv/lamella --all --json
    """
    from lamella.maintenance.compact import DEFAULT_COLD_AFTER, CompactReport, candidates
    from lamella.maintenance.compact import compact as run
    from lamella.maintenance.kept_limit import kept_limit
    from lamella.maintenance.lock import maintenance_lock
    from lamella.maintenance.pace import Pace
    from lamella.store.local import LocalStore

    check_data_folder(data_folder)
    pace, cold_after = Pace(share=1), 0.0 if everything else DEFAULT_COLD_AFTER

    store = LocalStore(data_folder, max_size=kept_limit(data_folder))
    with closing(store), maintenance_lock(data_folder, wait_for_maintenance()):
        total = sum(record.size for record in candidates(store, cold_after, pace))
        with click.progressbar(length=total, label="compacting", file=sys.stderr) as bar:

            def progress(_: CompactReport, size: int) -> None:
                bar.update(size)

            report = run(store, cold_after, pace, progress)
    if as_json:
        echo_json({**dataclasses.asdict(report), "saved": report.saved})
        return
    if report.blobs:
        click.echo(
            f"{report.blobs} blobs with {size_text(report.bytes)} are cold now and take {size_text(report.stored)}: "
            f"{size_text(report.saved)} saved"
        )
    elif everything:
        click.echo("nothing turned cold")
    else:
        click.echo("nothing turned cold; blobs that were used within the last hour are left alone without --all")
    if report.kept:
        click.echo(f"{report.kept} blobs stay whole, since cold they would not take less")
    if report.failed:
        click.echo(f"{report.failed} blobs could not be dealt with now; the log says why")
