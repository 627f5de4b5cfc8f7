"""What a step must satisfy before its key means anything: canonical order, no duplicates, bounded sizes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lamella.errors import Invalid
from lamella.model import Form

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lamella.model import ExecutionContext, Input, Instruction, Step

MAX_TEXT = 1 << 20
"""The longest argument, value or here-document, in bytes of UTF-8."""
MAX_NAME = 4096
"""The longest name (of a flag, variable, here-document, input or builder), media type, user or path, in bytes."""
MAX_ITEMS = 4096
"""The most arguments, variables, shell words or inputs of a step, each."""
MAX_FLAGS = 256
"""The most flags, and the most here-documents, of an instruction."""
MAX_TOTAL = 4 << 20
"""The most bytes of text in a step."""

FILE_INSTRUCTIONS = frozenset({"ADD", "COPY", "RUN", "WORKDIR"})
"""The instructions whose result may have a layer."""
INSTRUCTIONS = FILE_INSTRUCTIONS | {
    "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "SHELL", "STOPSIGNAL",
    "USER", "VOLUME",
}  # fmt: skip
"""The instructions that are steps: every one but FROM and ARG."""


def check_step(step: Step) -> None:
    """Accept a step that has one canonical spelling within the limits above.

    Raises:
        Invalid: names the first field that is not valid, as a path such as ``instruction.flags[2]``.
    """
    _check_context(step.context)
    _check_instruction(step.instruction)
    _check_inputs(step.inputs)
    platform = step.platform
    for name, value in (("os", platform.os), ("architecture", platform.architecture), ("variant", platform.variant)):
        check_text(f"platform.{name}", value, MAX_NAME)
    total = sum(len(text.encode()) for text in _texts(step))
    if total > MAX_TOTAL:
        raise Invalid("step", f"has {total} bytes of text, more than {MAX_TOTAL}")


def _check_context(context: ExecutionContext) -> None:
    _check_count("context.env", context.env, MAX_ITEMS)
    for place, (name, value) in enumerate(context.env):
        if not name or "=" in name:
            raise Invalid(f"context.env[{place}]", f"not a variable name: {name[:100]!r}")
        check_text(f"context.env[{place}].name", name, MAX_NAME)
        check_text(f"context.env[{place}].value", value, MAX_TEXT)
    _check_unique("context.env", [name for name, _ in context.env])
    check_text("context.user", context.user, MAX_NAME)
    check_text("context.workdir", context.workdir, MAX_NAME)
    if not context.workdir.startswith("/"):
        raise Invalid("context.workdir", f"not an absolute path: {context.workdir[:100]!r}")
    _check_count("context.shell", context.shell, MAX_ITEMS)
    for place, word in enumerate(context.shell):
        check_text(f"context.shell[{place}]", word, MAX_TEXT)


def _check_instruction(instruction: Instruction) -> None:
    if instruction.name not in INSTRUCTIONS:
        raise Invalid("instruction.name", f"not an instruction that makes a step: {instruction.name[:100]!r}")
    _check_count("instruction.flags", instruction.flags, MAX_FLAGS)
    for place, (name, value) in enumerate(instruction.flags):
        check_text(f"instruction.flags[{place}].name", name, MAX_NAME)
        check_text(f"instruction.flags[{place}].value", value, MAX_TEXT)
    _check_order("instruction.flags", instruction.flags)
    _check_count("instruction.arguments", instruction.arguments, MAX_ITEMS)
    for place, argument in enumerate(instruction.arguments):
        check_text(f"instruction.arguments[{place}]", argument, MAX_TEXT)
    if instruction.name == "RUN" and instruction.form is Form.SHELL and len(instruction.arguments) != 1:
        raise Invalid("instruction.arguments", "RUN in shell form has exactly one")
    _check_count("instruction.heredocs", instruction.heredocs, MAX_FLAGS)
    for place, heredoc in enumerate(instruction.heredocs):
        check_text(f"instruction.heredocs[{place}].name", heredoc.name, MAX_NAME)
        check_text(f"instruction.heredocs[{place}].body", heredoc.body, MAX_TEXT)


def _check_inputs(inputs: Sequence[Input]) -> None:
    _check_count("inputs", inputs, MAX_ITEMS)
    for place, item in enumerate(inputs):
        if not item.kind:
            raise Invalid(f"inputs[{place}].kind", "is empty")
        check_text(f"inputs[{place}].kind", item.kind, MAX_NAME)
        check_text(f"inputs[{place}].name", item.name, MAX_NAME)
        check_text(f"inputs[{place}].value", item.value, MAX_TEXT)
    _check_order("inputs", [(item.kind, item.name) for item in inputs])


def check_text(field: str, text: str, most: int) -> None:
    """Accept Unicode text of at most ``most`` bytes of UTF-8; raises ``Invalid`` for any other."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise Invalid(field, f"not Unicode text: {error.reason}") from None
    if size > most:
        raise Invalid(field, f"has {size} bytes, more than {most}")


def _check_count(field: str, items: Sequence[object], most: int) -> None:
    if len(items) > most:
        raise Invalid(field, f"has {len(items)} items, more than {most}")


def _check_unique(field: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Invalid(field, f"has {name[:100]!r} twice")
        seen.add(name)


def _check_order(field: str, pairs: Iterable[tuple[str, str]]) -> None:
    # Python compares text by code points, which is the order of its bytes in UTF-8.
    for place, (before, after) in enumerate(pairwise(pairs), start=1):
        if before >= after:
            what = "is there twice" if before == after else "is out of order"
            raise Invalid(f"{field}[{place}]", f"{after[0][:100]!r} {after[1][:100]!r} {what}")


def _texts(step: Step) -> Iterable[str]:
    context, instruction = step.context, step.instruction
    for pair in (*context.env, *instruction.flags):
        yield from pair
    yield context.user
    yield context.workdir
    yield from context.shell
    yield from instruction.arguments
    for heredoc in instruction.heredocs:
        yield heredoc.name
        yield heredoc.body
    for item in step.inputs:
        yield item.kind
        yield item.name
        yield item.value
