"""The `lamella` command. Commands are imported when they are used, so that `lamella --help` is quick."""

from __future__ import annotations

import importlib

import click

from lamella.cli.failure import Interrupted, as_failure
from lamella.cli.standard_streams import open_standard_streams
from lamella.errors import LamellaError

COMMANDS = {
    "build": "Build an image from a Dockerfile; steps built before are not built again.",
    "resolve": "Tell which steps of a Dockerfile are already built; build nothing.",
    "push": "Upload files, or all blobs of an OCI layout.",
    "pull": "Download a blob, or a whole image as an OCI layout.",
    "stats": "Show hits, misses, bytes and time saved, and what is stored.",
    "serve": "Run the server.",
    "admin": "Look after a server's data folder.",
    "demo": "Build examples cold, warm and changed against a temporary server.",
    "version": "Show the version.",
}


class _Commands(click.Group):
    """Commands by name; the table above gives their short help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"lamella.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101  (for the type checker)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None
        except (LamellaError, OSError, ValueError) as error:
            failure = as_failure(error)
            if failure is None:
                raise
            raise failure from error


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lamella", message="%(prog)s %(version)s")
def cli() -> None:
    """Lamella: a build cache and layer-dedup service for container builds.

    Start a server, then point builders at it:

    \b
        lamella serve
        lamella build . --tag app:1 --output app
        lamella stats --by project --since 7d

    On another machine, set LAMELLA_SERVER=HOST:PORT. `lamella COMMAND --help` explains a command.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no server answers, 130 interrupted.
    """


def main() -> None:
    """Run the command line."""
    open_standard_streams()
    cli(prog_name="lamella")


if __name__ == "__main__":
    main()
