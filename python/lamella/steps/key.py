"""The step key: a digest of everything that a step's result depends on.

The encoding is defined byte by byte in ``docs/step-key.md``, and pinned by ``protos/lamella/v1/vectors/step_key.json``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from lamella.model import Digest, Form

if TYPE_CHECKING:
    from lamella.model import ExecutionContext, Step

STEP_DOMAIN = b"lamella.step.v1\0"
CONTEXT_DOMAIN = b"lamella.context.v1\0"
LENGTH_BYTES = 8
"""The size of a length prefix, a big-endian unsigned number."""


class StepTag(IntEnum):
    """The first byte of each field of a step, in the order of the fields."""

    OS = 1
    ARCHITECTURE = 2
    VARIANT = 3
    PARENT = 4
    CONTEXT = 5
    NAME = 6
    FLAG = 7
    FORM = 8
    ARGUMENT = 9
    HEREDOC = 10
    INPUT = 11


class ContextTag(IntEnum):
    """The first byte of each field of an execution context, in the order of the fields."""

    VARIABLE = 1
    USER = 2
    WORKDIR = 3
    SHELL = 4


FORM_BYTES = {Form.SHELL: b"\1", Form.EXEC: b"\2"}


def step_key(step: Step) -> Digest:
    """Return the key of a step, SHA-256 over ``encode_step``."""
    return Digest.of(encode_step(step))


def encode_step(step: Step) -> bytes:
    """Return the bytes that the key of ``step`` is the digest of; no other step has the same.

    Raises:
        UnicodeEncodeError: a text has a lone surrogate (``check_step`` refuses such a step by field).
    """
    platform, instruction = step.platform, step.instruction
    fields = [
        (StepTag.OS, platform.os.encode()),
        (StepTag.ARCHITECTURE, platform.architecture.encode()),
        (StepTag.VARIANT, platform.variant.encode()),
        (StepTag.PARENT, step.parent.raw),
        (StepTag.CONTEXT, Digest.of(encode_context(step.context)).raw),
        (StepTag.NAME, instruction.name.encode()),
        *((StepTag.FLAG, _texts(name, value)) for name, value in instruction.flags),
        (StepTag.FORM, FORM_BYTES[instruction.form]),
        *((StepTag.ARGUMENT, argument.encode()) for argument in instruction.arguments),
        *((StepTag.HEREDOC, _texts(heredoc.name, heredoc.body)) for heredoc in instruction.heredocs),
        *((StepTag.INPUT, _texts(item.kind, item.name, item.value)) for item in step.inputs),
    ]
    return STEP_DOMAIN + b"".join(bytes([tag]) + _prefixed(value) for tag, value in fields)


def encode_context(context: ExecutionContext) -> bytes:
    """Return the bytes whose digest stands for ``context`` in a step's encoding; no other context has the same."""
    fields = [
        *((ContextTag.VARIABLE, _texts(name, value)) for name, value in context.env),
        (ContextTag.USER, context.user.encode()),
        (ContextTag.WORKDIR, context.workdir.encode()),
        *((ContextTag.SHELL, word.encode()) for word in context.shell),
    ]
    return CONTEXT_DOMAIN + b"".join(bytes([tag]) + _prefixed(value) for tag, value in fields)


def _prefixed(value: bytes) -> bytes:
    return len(value).to_bytes(LENGTH_BYTES, "big") + value


def _texts(*texts: str) -> bytes:
    return b"".join(_prefixed(text.encode()) for text in texts)
