"""What `lamella build` shows while it runs, on stderr: a live view on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from lamella.cli.text import seconds_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lamella.builder.report import Outcome, Reporter
    from lamella.steps.plan import Plan, PlannedStep

WIDTH = 72
"""How much of an instruction is shown, in characters."""


def step_text(step: PlannedStep) -> str:
    """Return a step's instruction on one line, cut where it is long."""
    text = " ".join(step.text.split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


class Quiet:
    """Shows warnings only."""

    def planned(self, plan: Plan) -> None:
        """Show what is odd about the Dockerfile."""
        for warning in plan.warnings:
            click.echo(f"warning: {warning}", err=True)

    def started(self, step: PlannedStep) -> None:
        """Show nothing."""

    def done(self, outcome: Outcome) -> None:
        """Show nothing."""

    def undone(self, outcome: Outcome) -> None:
        """Show nothing."""

    def transferred(self, size: int) -> None:
        """Show nothing."""


class Plain(Quiet):
    """Shows a line for each step that is done."""

    def __init__(self) -> None:
        self._done = 0
        self._total = 0

    def planned(self, plan: Plan) -> None:
        """Show what is odd, and remember how many steps there are."""
        super().planned(plan)
        self._total = len(plan.steps)

    def done(self, outcome: Outcome) -> None:
        """Show the step."""
        self._done += 1
        what = "hit " if outcome.hit else "miss"
        seconds = outcome.result.seconds if outcome.hit else outcome.seconds
        note = f"saved {seconds_text(seconds)}" if outcome.hit else seconds_text(seconds)
        click.echo(f"[{self._done}/{self._total}] {what} {step_text(outcome.step)} ({note})", err=True)

    def undone(self, outcome: Outcome) -> None:
        """Show that the step comes again."""
        self._done -= 1
        click.echo(f"gone from the server: {step_text(outcome.step)}", err=True)


@contextmanager
def reporter(mode: str) -> Iterator[Reporter]:
    """Show progress as ``--progress`` says: ``plain``, ``none``, or ``auto``."""
    if mode == "none":
        yield Quiet()
    elif mode == "plain" or not sys.stderr.isatty():
        yield Plain()
    else:
        from lamella.cli.live import live

        with live() as view:
            yield view
