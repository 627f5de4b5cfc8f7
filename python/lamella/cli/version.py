"""`lamella version`."""

from __future__ import annotations

import click

from lamella.cli.options import json_output
from lamella.cli.text import echo_json


@click.command()
@json_output
def command(*, as_json: bool) -> None:
    """Show the version.

    \b
        lamella version
    """
    from importlib.metadata import version

    number = version("lamella")
    if as_json:
        echo_json({"version": number})
    else:
        click.echo(f"lamella {number}")
