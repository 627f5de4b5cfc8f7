"""`lamella admin scrub`."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from lamella.cli import options
from lamella.cli.data_folder import check_data_folder, data_folder_argument, wait_for_maintenance
from lamella.cli.failure import Failure
from lamella.cli.text import echo_json, echo_table, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lamella.maintenance.casualties import Casualty
    from lamella.maintenance.scrub import Finding, ScrubReport
    from lamella.store.local import LocalStore


@click.command(short_help="Read everything, and heal what is damaged.")
@data_folder_argument
@options.json_output
def scrub(*, data_folder: Path, as_json: bool) -> None:
    """Read everything in DATA_FOLDER, heal what is damaged, and say what cannot be healed.

    Servers do that by themselves, once a week unless told otherwise; this does it now, and at full speed. A server may
    be running. What is damaged and has no other copy is moved to the folder `quarantine`, and is a miss from then on.
    Exits with 1 if something could not be healed.

    \b
        lamella admin scrub /srv/lamella
        lamella admin scrub /srv/lamella --json
    """
    from lamella.maintenance.lock import maintenance_lock
    from lamella.maintenance.scrub import Outcome
    from lamella.server.garbage import find_casualties
    from lamella.store.local import LocalStore

    check_data_folder(data_folder)
    with closing(LocalStore(data_folder)) as store, maintenance_lock(data_folder, wait_for_maintenance()):
        with _not_said_twice():
            report = _run(store)
        casualties = asyncio.run(find_casualties(store, report.lost))
    if as_json:
        echo_json(_document(report, casualties))
    else:
        _echo(report, casualties, data_folder.absolute())
    lost, left = report.count(Outcome.LOST), report.count(Outcome.LEFT)
    if left:
        raise Failure(f"{left} times nothing could be done about damage; is there room, and can the folder be written?")
    if lost:
        raise Failure(f"{lost} blobs are lost; they come back when they are stored again. Check the disk")


@contextmanager
def _not_said_twice() -> Iterator[None]:
    """Keep to themselves the loggers whose lines are those of the table."""
    from lamella.maintenance import scrub
    from lamella.store import remover

    loggers = (scrub.logger, remover.logger)
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loggers:
            logger.disabled = False


def _run(store: LocalStore) -> ScrubReport:
    from lamella.index import UsageTable
    from lamella.maintenance.scrub import Scrub

    with store.index.read() as txn:
        total = UsageTable(store.index).on_disk(txn)
    with click.progressbar(length=total, label="scrubbing", file=sys.stderr) as bar:
        run = Scrub(store, bar.update, threads=os.cpu_count() or 1)
        run.run()
    return run.report


def _document(report: ScrubReport, casualties: list[Casualty]) -> dict[str, Any]:
    return {
        "blobs": report.blobs,
        "packs": report.packs,
        "bytes": report.bytes,
        "damaged": [
            {
                "digest": None if finding.damage.digest is None else str(finding.damage.digest),
                "place": finding.damage.place.name.lower(),
                "path": None if finding.damage.path is None else str(finding.damage.path),
                "offset": finding.damage.offset,
                "problem": finding.damage.problem,
                "outcome": finding.outcome.value,
            }
            for finding in report.findings
        ],
        "misses": [
            {
                "kind": casualty.unit.kind.name.lower(),
                "space": casualty.unit.space,
                "name": casualty.unit.name,
                "blob": str(casualty.blob),
            }
            for casualty in casualties
        ],
    }


def _echo(report: ScrubReport, casualties: list[Casualty], data_folder: Path) -> None:
    if report.findings:
        header = ["damaged", "in", "at", "what is wrong", "now"]
        echo_table(header, [_row(finding, data_folder) for finding in report.findings], right=[2])
    if casualties:
        rows = [
            [found.unit.kind.name.lower(), found.unit.space, found.unit.name, str(found.blob)] for found in casualties
        ]
        echo_table(["a miss now", "scope or repository", "name", "needs"], rows)
    click.echo(f"{report.blobs} blobs and {report.packs} packs with {size_text(report.bytes)} were read")
    if not report.findings:
        click.echo("all of them are as they were written")


def _row(finding: Finding, data_folder: Path) -> list[str]:
    damage = finding.damage
    named = f"pack offset {damage.offset}, chunk {damage.digest}: "  # as in the columns before
    return [
        "no blob" if damage.digest is None else str(damage.digest),
        "the index" if damage.path is None else str(damage.path.relative_to(data_folder)),
        "" if damage.offset is None else str(damage.offset),
        damage.problem.removeprefix(named),
        finding.outcome.value,
    ]
