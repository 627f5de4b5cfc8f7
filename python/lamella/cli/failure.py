"""Expected errors as one line on stderr, and their exit codes; all else is a defect and keeps its traceback."""

from __future__ import annotations

import click

from lamella.errors import LamellaError

FAILED = 1
UNREACHABLE = 3
INTERRUPTED = 130


class Failure(click.ClickException):
    """An expected error: its message says what is wrong and, where it helps, what to do next."""

    exit_code = FAILED

    def show(self, file: object = None) -> None:  # noqa: ARG002  (click's signature)
        """Write the message to stderr."""
        click.echo(f"lamella: {self.message}", err=True)


class Interrupted(Failure):
    """Somebody pressed Ctrl+C."""

    exit_code = INTERRUPTED


class Unreachable(Failure):
    """No server answers."""

    exit_code = UNREACHABLE


def as_failure(error: Exception) -> Failure | None:
    """Return the failure that an error means, or None where it is a defect, or none of our business."""
    if isinstance(error, BrokenPipeError):
        return None  # click ends quietly when nobody reads on
    if isinstance(error, LamellaError):
        from lamella.client.errors import ServerUnreachable

        return Unreachable(str(error)) if isinstance(error, ServerUnreachable) else Failure(str(error))
    if isinstance(error, OSError):
        return Failure(_system_text(error))
    from lamella._core import ContentChanged, LayerError, PatternError

    return Failure(str(error)) if isinstance(error, (ContentChanged, LayerError, PatternError)) else None


def _system_text(error: OSError) -> str:
    """Write what the system says of a file: of one that gets its name last, by that name and not the temporary one."""
    path = error.filename2 or error.filename
    return str(error) if path is None or error.strerror is None else f"{path}: {error.strerror}"
