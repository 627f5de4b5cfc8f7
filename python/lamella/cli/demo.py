"""`lamella demo`."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamella.cli.build_options import this_platform
from lamella.cli.failure import Failure
from lamella.cli.server_process import running_server
from lamella.cli.text import echo_table, percent_text, seconds_text, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lamella.builder.report import Summary
    from lamella.builder.request import BuildRequest
    from lamella.steps.plan import Plan

CHANGES = {
    "python-app": "src/shipping/prices.py",
    "static-site": "pages/index.html",
    "web-service": "web/styles/main.css",
}
"""Each example, and the file of it that is changed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One build of the demonstration; ``expected_misses`` are places of steps."""

    name: str
    summary: Summary
    expected_misses: frozenset[int]

    def check(self) -> Iterator[str]:
        """Yield what is not as it should be."""
        misses = {place for place, outcome in enumerate(self.summary.outcomes) if not outcome.hit}
        if misses != self.expected_misses:
            yield f"{self.name}: steps {_numbers(misses)} missed, not {_numbers(self.expected_misses)}"


@click.command()
@click.argument(
    "examples", type=click.Path(exists=True, file_okay=False, path_type=Path), default="examples", metavar="[EXAMPLES]"
)
def command(*, examples: Path) -> None:
    """Build the folder EXAMPLES of Lamella's sources cold, warm and changed against a temporary server.

    Cold: nothing is cached. Warm: another builder, which has nothing on its disk, must get every step from the cache
    and the same image. Changed: with one file changed, exactly the steps that depend on it may miss. Fails if not so.

    \b
        lamella demo
    """
    for name in CHANGES:
        if not (examples / name / "Dockerfile").is_file():
            raise Failure(f"{examples / name} has no Dockerfile; run this in the folder of Lamella's sources")
    with tempfile.TemporaryDirectory(prefix="lamella-demo-") as name:
        folder = Path(name)
        with running_server(folder / "data") as address:
            runs, problems = asyncio.run(_demonstrate(address, examples, folder))
    _echo(runs)
    for run in runs:
        problems += run.check()
    if problems:
        raise Failure("; ".join(problems))
    click.echo("\nEvery warm step was a hit and gave the same image; after a change only what depends on it was built.")


async def _demonstrate(address: str, examples: Path, folder: Path) -> tuple[list[Run], list[str]]:
    from lamella.builder.request import BuildRequest, plan_build

    runs: list[Run] = []
    problems: list[str] = []
    for name, changed in CHANGES.items():
        request = BuildRequest(examples / name, this_platform())
        before = (await asyncio.to_thread(plan_build, request)).plan
        cold = await _build(address, request, name, "first")
        warm = await _build(address, request, name, "second", folder / name)
        if warm.image.manifest.digest != cold.image.manifest.digest:
            problems.append(f"{name}: cold gave {cold.image.manifest.digest}, warm {warm.image.manifest.digest}")
        context = folder / f"{name}-changed"
        await asyncio.to_thread(shutil.copytree, examples / name, context, symlinks=True)
        with (context / changed).open("a") as file:
            file.write("\n")
        request = BuildRequest(context, this_platform())
        after = (await asyncio.to_thread(plan_build, request)).plan
        runs += [
            Run(f"{name} cold", cold, frozenset(range(len(before.steps)))),
            Run(f"{name} warm", warm, frozenset()),
            Run(f"{name} changed", await _build(address, request, name, "second"), _affected(before, after)),
        ]
    return runs, problems


async def _build(
    address: str, request: BuildRequest, project: str, builder: str, output: Path | None = None
) -> Summary:
    from lamella.builder.build_image import build_image
    from lamella.builder.output import Output
    from lamella.cli.progress import Quiet
    from lamella.client import AsyncClient
    from lamella.model import Scope

    async with AsyncClient(address, scope=Scope("demo", project), builder=builder) as client:
        destination = None if output is None else Output(output, as_tar=False)
        return await build_image(client, request, Quiet(), output=destination)


def _affected(before: Plan, after: Plan) -> frozenset[int]:
    """Return the steps whose own inputs differ between two plans, and all that depend on these."""
    from lamella.steps.work import FromStage

    affected: set[int] = set()
    for place, (old, new) in enumerate(zip(before.steps, after.steps, strict=True)):
        sources = [pending.origin for pending in new.waits_for if isinstance(pending.origin, FromStage)]
        tips = {after.stages[source.stage].tip for source in sources}
        if old.node.step.inputs != new.node.step.inputs or new.node.after in affected or tips & affected:
            affected.add(place)
    return frozenset(affected)


def _echo(runs: list[Run]) -> None:
    header = ["build", "steps", "hits", "misses", "hit rate", "sent", "received", "time", "time saved"]
    rows = [
        [
            run.name,
            str(len(run.summary.outcomes)),
            str(run.summary.hits),
            str(run.summary.misses),
            percent_text(run.summary.hits, len(run.summary.outcomes)),
            size_text(run.summary.bytes_sent),
            size_text(run.summary.bytes_received),
            seconds_text(run.summary.seconds),
            seconds_text(run.summary.seconds_saved),
        ]
        for run in runs
    ]
    echo_table(header, rows, right=range(1, len(header)))


def _numbers(places: set[int] | frozenset[int]) -> str:
    return ", ".join(str(place + 1) for place in sorted(places)) or "none"
