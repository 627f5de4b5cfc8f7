"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lamella.errors import Invalid
from lamella.model import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.client import ChunkCache

CACHE_VARIABLE = "LAMELLA_CACHE"
"""The environment variable that names the folder of what may be fetched again."""

F = TypeVar("F", bound="Callable[..., Any]")


class ScopeType(click.ParamType[Scope]):
    """``tenant/project@ref``."""

    name = "scope"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Scope:
        """Read the text; a usage error where it is not valid."""
        if isinstance(value, Scope):
            return value
        try:
            return Scope.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class AddressType(click.ParamType[str]):
    """``HOST:PORT``."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the text; a usage error where it is not valid."""
        from lamella.client.address import parse_address

        try:
            parse_address(value)
        except Invalid as error:
            self.fail(error.reason, param, ctx)
        return str(value)


class AgeType(click.ParamType[float]):
    """``30m``, ``24h``, ``7d`` or ``2w``, as seconds."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text; a usage error where it is of another form."""
        from lamella.maintenance.amounts import parse_age

        if isinstance(value, float):
            return value
        try:
            return parse_age(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class AgeOrOffType(AgeType):
    """An age, or ``off``, as infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text; a usage error where it is of another form."""
        if value == "off":
            return float("inf")
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message}, or off", param, ctx)


class CountOrOffType(click.IntRange):
    """A number from 1 on, or ``off``, as 0."""

    name = "count"

    def __init__(self) -> None:
        super().__init__(1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the text; a usage error where it is of another form."""
        if value in ("off", 0):
            return 0
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"{value!r} is neither a whole number from 1 on nor off", param, ctx)


server = click.option(
    "--server",
    type=AddressType(),
    envvar="LAMELLA_SERVER",
    show_envvar=True,
    metavar="HOST:PORT",
    help="The server to use.  [default: 127.0.0.1:8970]",
)
scope = click.option(
    "--scope",
    type=ScopeType(),
    default="",
    envvar="LAMELLA_SCOPE",
    show_envvar=True,
    metavar="TENANT/PROJECT@REF",
    help="The trust domain to read results from and write them to.  [default: default/default@main]",
)
builder = click.option(
    "--builder",
    default=socket.gethostname,
    envvar="LAMELLA_BUILDER",
    show_envvar=True,
    metavar="NAME",
    help="The name to appear under in the statistics.  [default: this host's name]",
)
no_delta = click.option(
    "--no-delta", is_flag=True, help="Move large files whole, even where the other side has chunks of them."
)
json_output = click.option("--json", "as_json", is_flag=True, help="Write JSON to standard output.")


def connection_options(command: F) -> F:
    """Add ``--server``, ``--scope`` and ``--builder``."""
    return server(scope(builder(command)))


def chunk_cache(*, no_delta: bool) -> ChunkCache | None:
    """Open this user's cache of chunks, unless they said ``--no-delta``."""
    import platformdirs

    from lamella.client import ChunkCache

    folder = os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("lamella")
    return None if no_delta else ChunkCache(Path(folder) / "chunks")
