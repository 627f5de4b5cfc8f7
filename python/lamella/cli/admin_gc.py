"""`lamella admin gc`."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from lamella.cli import options
from lamella.cli.data_folder import check_data_folder, data_folder_argument
from lamella.cli.garbage_options import garbage_options, size_limit
from lamella.cli.text import echo_json, echo_table, seconds_text, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lamella.index import UnitRow
    from lamella.maintenance.collector import Collection

_DAY = 86400

_WHY = {
    "age": "not used for too long",
    "size": "no room",
    "broken": "has lost blobs",
    "superseded": "merged anew",
    "subject": "its subject is gone",
}


@click.command(short_help="Remove what nothing needs, and what the limits let go.")
@data_folder_argument
@click.option("--dry-run", is_flag=True, help="Only tell what would go, and why.")
@garbage_options
@options.json_output
def gc(
    *,
    data_folder: Path,
    dry_run: bool,
    max_size: str | None,
    max_age: float | None,
    grace: float,
    retention: Path | None,
    as_json: bool,
) -> None:
    """Remove from DATA_FOLDER what nothing needs, and what the limits let go; a server may be running.

    Without limits only what nothing needs goes. Whatever is used meanwhile stays. The options of a running server are
    not known here: give the same ones.

    \b
        lamella admin gc /srv/lamella --dry-run --max-age 30d
        lamella admin gc /srv/lamella --max-size 200GiB --retention retention.toml
    """
    from lamella.maintenance.garbage_lock import GarbageLock
    from lamella.server.config import GarbageConfig
    from lamella.server.garbage import compose_collector, policy_of
    from lamella.store.local import LocalStore

    check_data_folder(data_folder)
    policy = policy_of(GarbageConfig(max_age=max_age, grace=grace, retention=retention))
    policy = dataclasses.replace(policy, budget=size_limit(max_size, data_folder))

    async def collect(progress: Callable[[str], None]) -> Collection:
        async with LocalStore(data_folder) as store:
            lock = GarbageLock(store.garbage_lock)
            async with lock.held(lambda: click.echo("waiting for another process that collects garbage", err=True)):
                found = await compose_collector(store).collect(policy, dry_run=dry_run, progress=progress)
                if not dry_run:
                    lock.done()
                return found

    with _progress() as progress:
        found = asyncio.run(collect(progress))
    if as_json:
        echo_json(_document(found, dry_run=dry_run))
    else:
        _echo(found, grace, dry_run=dry_run)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is being done."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update


def _document(found: Collection, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "units": [
            {
                "kind": verdict.unit.kind.name.lower(),
                "space": verdict.unit.space,
                "name": verdict.unit.name,
                "used": verdict.unit.used,
                "why": verdict.why.value,
                "detail": verdict.detail,
                "freed_bytes": verdict.freed,
            }
            for verdict in found.goes
        ],
        "loose": {"blobs": found.loose, "freed_bytes": found.loose_bytes},
        "kept_bytes": found.kept,
        "removed": dataclasses.asdict(found.swept),
        "repacked": dataclasses.asdict(found.repacked),
    }


def _echo(found: Collection, grace: float, *, dry_run: bool) -> None:
    rows = [
        [
            verdict.unit.kind.name.lower(),
            _name(verdict.unit),
            _age(verdict.unit.used),
            f"{_WHY[verdict.why.value]}: {verdict.detail}" if verdict.detail else _WHY[verdict.why.value],
            size_text(verdict.freed),
        ]
        for verdict in found.goes
    ]
    if found.loose:
        rows.append(["blobs", str(found.loose), "", "nothing needs them", size_text(found.loose_bytes)])
    if rows:
        echo_table(["what", "name", "last use", "why", "frees"], rows, right=[4])
    swept = found.swept
    if dry_run:
        going = size_text(found.loose_bytes + sum(verdict.freed for verdict in found.goes))
        click.echo(f"{len(found.goes)} units would go, which frees {going}; {size_text(found.kept)} would stay")
        if found.goes and not any(verdict.freed for verdict in found.goes):
            click.echo(f"what nothing needs then stays until {seconds_text(grace)} after its last use (--grace)")
        return
    click.echo(f"{swept.units} units and {swept.blobs} blobs removed, {size_text(swept.freed)} freed")
    if found.repacked.packs:
        click.echo(f"{found.repacked.packs} packs written anew, {size_text(found.repacked.freed)} given back")
    if swept.spared:
        click.echo(f"{swept.spared} units stay, since they were used meanwhile")


def _name(unit: UnitRow) -> str:
    return f"{unit.space}{':' if unit.kind.name == 'TAG' else '@' if unit.kind.name == 'MANIFEST' else ' '}{unit.name}"


def _age(used: int | None) -> str:
    if used is None:
        return "unknown"
    seconds = max(0, time.time() - used)
    return f"{f'{seconds / _DAY:.0f} d' if seconds > 2 * _DAY else seconds_text(seconds)} ago"
