"""Progress on a terminal: steps as they are done, a bar of steps, and the bytes that move."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lamella.cli.progress import Quiet, step_text
from lamella.cli.text import seconds_text, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lamella.builder.report import Outcome
    from lamella.steps.plan import Plan, PlannedStep


class Live(Quiet):
    """Keeps a bar at the bottom, and writes a line above it for each step that is done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=None, moved="")
        self._moved = 0

    def planned(self, plan: Plan) -> None:
        """Show what is odd, and how many steps there are."""
        for warning in plan.warnings:
            self._progress.console.print(f"[yellow]warning:[/] {escape(warning)}")
        self._progress.update(self._task, total=len(plan.steps), description="steps")

    def started(self, step: PlannedStep) -> None:
        """Show the step beside the bar."""
        self._progress.update(self._task, description=escape(step_text(step)))

    def done(self, outcome: Outcome) -> None:
        """Write the step's line."""
        what = "[green]hit [/]" if outcome.hit else "[cyan]miss[/]"
        seconds = outcome.result.seconds if outcome.hit else outcome.seconds
        note = f"[dim]{'saved ' if outcome.hit else ''}{seconds_text(seconds)}[/]"
        self._progress.console.print(f"{what} {escape(step_text(outcome.step))} {note}", highlight=False)
        self._progress.update(self._task, advance=1)

    def undone(self, outcome: Outcome) -> None:
        """Write that the step comes again."""
        self._progress.console.print(f"[yellow]gone[/] {escape(step_text(outcome.step))}", highlight=False)
        self._progress.update(self._task, advance=-1)

    def transferred(self, size: int) -> None:
        """Add to the bytes beside the bar."""
        self._moved += size
        self._progress.update(self._task, moved=size_text(self._moved))


@contextmanager
def live() -> Iterator[Live]:
    """Show a bar until the block ends."""
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[moved]}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Live(progress)
