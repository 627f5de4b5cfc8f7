"""`lamella build`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lamella.cli import interruptible, options
from lamella.cli.build_options import build_options, build_request
from lamella.cli.output_path import parse_output
from lamella.cli.progress import reporter, step_text
from lamella.cli.text import echo_json, echo_table, percent_text, seconds_text, size_text

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.builder.report import Summary
    from lamella.model import Platform, Scope


@click.command()
@build_options
@click.option("-t", "--tag", default="", metavar="NAME[:TAG]", help="The reference of the image in the output.")
@click.option(
    "-o",
    "--output",
    metavar="PATH|none",
    default="none",
    help="Write the image as an OCI layout: a folder, a *.tar, or type=oci,dest=PATH[,tar=false]; "
    "none writes nothing.  [default: none]",
)
@click.option("--push", is_flag=True, help="Store manifest and configuration on the server too, for `lamella pull`.")
@click.option("--no-cache", is_flag=True, help="Look nothing up; results are stored all the same.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "none"]),
    default="auto",
    show_default=True,
    help="A live view (auto, on a terminal), a line for each step (plain), or nothing.",
)
@options.no_delta
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
    tag: str,
    output: str,
    push: bool,
    no_cache: bool,
    progress: str,
    no_delta: bool,
    server: str | None,
    scope: Scope,
    builder: str,
    as_json: bool,
) -> None:
    """Build an image from the Dockerfile in CONTEXT; steps built before are not built again.

    It builds COPY, ADD of local files and archives, WORKDIR, and every instruction that only changes the configuration.
    RUN is refused before anything is done: it needs an executor, which a later release brings. Images to start from are
    OCI layouts, given with --build-context.

    \b
        lamella build . --tag app:1 --output app
        lamella build services/web --file services/web/Dockerfile.prod --target release --build-arg VERSION=1.4
        lamella build . --build-context debian:12=oci-layout://debian:12 -o app.tar
        SOURCE_DATE_EPOCH=1700000000 lamella build . --push --json
    """
    from lamella.builder.build_image import build_image
    from lamella.client import AsyncClient

    destination = parse_output(output)
    request = build_request(context, dockerfile, target, arguments=arguments, platform=platform, layouts=layouts)

    async def run() -> Summary:
        cache = options.chunk_cache(no_delta=no_delta)
        async with AsyncClient(server, scope=scope, builder=builder, chunk_cache=cache) as client:
            with reporter(progress) as view:
                return await build_image(
                    client,
                    request,
                    view,
                    use_cache=not no_cache,
                    push=push,
                    output=destination,
                    reference=tag,
                )

    summary = interruptible.run(run())
    if as_json:
        echo_json(summary_document(summary))
    else:
        _echo(summary)


def summary_document(summary: Summary) -> dict[str, Any]:
    """Return a build as a JSON object: sizes in bytes, times in seconds."""
    return {
        "manifest": str(summary.image.manifest.digest),
        "config": str(summary.image.config.digest),
        "layers": [str(layer.descriptor.digest) for layer in summary.image.layers],
        "steps": [
            {
                "line": outcome.step.line,
                "instruction": outcome.step.text,
                "hit": outcome.hit,
                "key": str(outcome.key),
                "layer": str(outcome.result.layer.descriptor.digest) if outcome.result.layer else None,
                "seconds": outcome.seconds,
                "seconds_saved": outcome.result.seconds if outcome.hit else 0.0,
                "built_by": outcome.result.builder,
            }
            for outcome in summary.outcomes
        ],
        "hits": summary.hits,
        "misses": summary.misses,
        "bytes_sent": summary.bytes_sent,
        "bytes_received": summary.bytes_received,
        "bytes_saved": summary.bytes_saved,
        "seconds": summary.seconds,
        "seconds_saved": summary.seconds_saved,
    }


def _echo(summary: Summary) -> None:
    rows = [
        [
            str(number),
            "hit" if outcome.hit else "miss",
            seconds_text(outcome.seconds),
            size_text(outcome.result.layer.descriptor.size) if outcome.result.layer else "-",
            step_text(outcome.step),
        ]
        for number, outcome in enumerate(summary.outcomes, 1)
    ]
    echo_table(["step", "cache", "time", "layer", "instruction"], rows, right=(0, 2, 3))
    total = len(summary.outcomes)
    saved = f", {size_text(summary.bytes_saved)} already there" if summary.bytes_saved else ""
    click.echo(
        f"\n{total} steps, {summary.hits} hits, {summary.misses} misses, hit rate {percent_text(summary.hits, total)}; "
        f"{size_text(summary.bytes_sent)} sent, {size_text(summary.bytes_received)} received{saved}; "
        f"{seconds_text(summary.seconds)}, {seconds_text(summary.seconds_saved)} saved"
    )
    click.echo(f"image {summary.image.manifest.digest}")
