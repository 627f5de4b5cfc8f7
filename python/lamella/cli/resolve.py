"""`lamella resolve`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from lamella.cli import options
from lamella.cli.build_options import build_options, build_request
from lamella.cli.progress import step_text
from lamella.cli.text import echo_json, echo_table, seconds_text

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.model import Platform, Scope
    from lamella.steps.plan import PlannedStep
    from lamella.steps.resolve import Answer


@click.command()
@build_options
@options.connection_options
@options.json_output
def command(
    *,
    context: Path,
    dockerfile: Path | None,
    target: str,
    arguments: tuple[str, ...],
    platform: Platform | None,
    layouts: tuple[str, ...],
    server: str | None,
    scope: Scope,
    builder: str,
    as_json: bool,
) -> None:
    """Tell which steps of the Dockerfile in CONTEXT are already built; build and fetch nothing.

    A step is unknown where it depends on one that is not built, or copies from a stage or image whose files are not
    looked into here. The steps count in the statistics.

    \b
        lamella resolve . --target release
    """
    from lamella.builder.request import plan_build
    from lamella.client import AsyncClient

    request = build_request(context, dockerfile, target, arguments=arguments, platform=platform, layouts=layouts)
    plan = plan_build(request).plan

    async def ask() -> list[Answer]:
        async with AsyncClient(server, scope=scope, builder=builder) as client:
            return await client.resolve([step.node for step in plan.steps])

    answers = list(zip(plan.steps, asyncio.run(ask()), strict=True))
    if as_json:
        echo_json([_document(step, answer) for step, answer in answers])
        return
    for warning in plan.warnings:
        click.echo(f"warning: {warning}", err=True)
    echo_table(["line", "cache", "key", "saves", "instruction"], [_row(*pair) for pair in answers], right=(0, 3))


def _row(step: PlannedStep, answer: Answer) -> list[str]:
    return [
        str(step.line),
        answer.status.value,
        answer.key.hex[:12] if answer.key else "-",
        seconds_text(answer.result.seconds) if answer.result else "-",
        step_text(step),
    ]


def _document(step: PlannedStep, answer: Answer) -> dict[str, object]:
    result = answer.result
    return {
        "line": step.line,
        "instruction": step.text,
        "status": answer.status.value,
        "key": str(answer.key) if answer.key else None,
        "layer": str(result.layer.descriptor.digest) if result and result.layer else None,
        "seconds": result.seconds if result else None,
        "built_by": result.builder if result else None,
        "built_at": result.created if result else None,
    }
