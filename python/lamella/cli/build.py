"""`lamella build`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamella.cli import options
from lamella.cli.build_options import build_options, build_request
from lamella.cli.progress import reporter, step_text
from lamella.cli.text import echo_json, echo_table, percent_text, seconds_text, size_text
from lamella.errors import Invalid

if TYPE_CHECKING:
    from lamella.builder.output import Output
    from lamella.builder.report import Summary
    from lamella.builder.request import BuildRequest
    from lamella.model import Platform, Scope


@click.command()
@build_options
@click.option("-t", "--tag", default="", metavar="NAME[:TAG]", help="The reference of the image in the output.")
@click.option(
    "-o",
    "--output",
    metavar="PATH|none",
    default="none",
    help="Write the image as an OCI layout: a folder, a *.tar, or type=oci,dest=PATH[,tar=false].  [default: none]",
)
@click.option("--push", is_flag=True, help="Store manifest and configuration on the server too, for `lamella pull`.")
@click.option("--no-cache", is_flag=True, help="Look nothing up; results are stored all the same.")
@click.option("--progress", type=click.Choice(["auto", "plain", "none"]), default="auto", show_default=True)
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
    server: str | None,
    scope: Scope,
    builder: str,
    as_json: bool,
) -> None:
    """Build an image from the Dockerfile in CONTEXT; steps built before are not built again.

    Steps: COPY, ADD of local files and archives, WORKDIR, and all that only change the configuration. RUN is refused
    before anything is done: it needs an executor, which a later release brings. Images to start from are OCI layouts.

    \b
        lamella build . --tag app:1 --output app
        lamella build . --build-context debian:12=oci-layout://debian:12 -o app.tar
        SOURCE_DATE_EPOCH=1700000000 lamella build . --push --json
    """
    from lamella.builder.output import Output
    from lamella.client import AsyncClient

    request = build_request(context, dockerfile, target, arguments=arguments, platform=platform, layouts=layouts)
    try:
        destination = Output.parse(output)
    except Invalid as error:
        raise click.BadParameter(error.reason, param_hint="--output") from None

    async def run() -> Summary:
        async with AsyncClient(server, scope=scope, builder=builder) as client:
            return await _build(client, request, destination, tag, push=push, use_cache=not no_cache, progress=progress)

    summary = asyncio.run(run())
    if as_json:
        echo_json(_document(summary))
    else:
        _echo(summary)
