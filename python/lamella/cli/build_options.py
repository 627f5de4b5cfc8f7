"""The options that say what to build: shared by `lamella build` and `lamella resolve`."""

from __future__ import annotations

import os
import platform as python_platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lamella.cli.failure import Failure
from lamella.errors import Invalid
from lamella.model import Platform

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.builder.request import BuildRequest

F = TypeVar("F", bound="Callable[..., Any]")

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "i386": "386"}
_VARIANTS = {"armv7l": "v7"}

EPOCH = "SOURCE_DATE_EPOCH"
"""The build argument, taken from the environment where it is not given, that all times in an image are set to."""


class PlatformType(click.ParamType[Platform]):
    """``os/architecture[/variant]``."""

    name = "platform"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Platform:
        """Read the text; a usage error where it is not valid."""
        if isinstance(value, Platform):
            return value
        try:
            return Platform.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


_OPTIONS = (
    click.argument("context", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."),
    click.option(
        "-f",
        "--file",
        "dockerfile",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="The Dockerfile.  [default: CONTEXT/Dockerfile]",
    ),
    click.option("--target", default="", metavar="STAGE", help="The stage to build.  [default: the last]"),
    click.option(
        "--build-arg",
        "arguments",
        multiple=True,
        metavar="NAME[=VALUE]",
        help="A value for an ARG; without VALUE it is taken from the environment.",
    ),
    click.option(
        "--platform",
        type=PlatformType(),
        default=None,
        metavar="OS/ARCH[/VARIANT]",
        help="What to build for, such as linux/arm64.  [default: this machine]",
    ),
    click.option(
        "--build-context",
        "layouts",
        multiple=True,
        metavar="NAME=oci-layout://PATH[:TAG|@DIGEST]",
        help="An image for FROM and COPY --from, by the name that they use.",
    ),
)


def build_options(command: F) -> F:
    """Add the context and the options that say what to build."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def build_request(
    context: Path,
    dockerfile: Path | None,
    target: str,
    *,
    arguments: tuple[str, ...],
    platform: Platform | None,
    layouts: tuple[str, ...],
) -> BuildRequest:
    """Return what the options say; a usage error where one is malformed, a failure where there is no Dockerfile."""
    from lamella.builder.base_images import LayoutReference
    from lamella.builder.request import BuildRequest

    named: dict[str, LayoutReference] = {}
    for text in layouts:
        name, equals, source = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is not NAME=oci-layout://PATH", param_hint="--build-context")
        try:
            named[name] = LayoutReference.parse(source)
        except Invalid as error:
            raise click.BadParameter(error.reason, param_hint="--build-context") from None
    machine = this_platform()
    request = BuildRequest(context, platform or machine, dockerfile, target, _arguments(arguments), named, machine)
    if dockerfile is None and not (context / "Dockerfile").is_file():
        raise Failure(f"there is no Dockerfile in {context}; name another one with --file")
    return request


def this_platform() -> Platform:
    """Return the platform of images for this machine: always Linux."""
    name = python_platform.machine().lower()
    return Platform("linux", _ARCHITECTURES.get(name, name), _VARIANTS.get(name, ""))


def _arguments(texts: tuple[str, ...]) -> dict[str, str]:
    arguments = {EPOCH: os.environ[EPOCH]} if os.environ.get(EPOCH) else {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--build-arg")
        if equals:
            arguments[name] = value
        elif name in os.environ:
            arguments[name] = os.environ[name]
    return arguments
