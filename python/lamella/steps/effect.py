"""What one instruction comes to, whatever stands around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lamella.model import ExecutionContext, Form, Instruction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lamella.model import Heredoc, Input
    from lamella.steps.work import FromImage, FromStage, Selection, Work

SEES_NOTHING = ExecutionContext(shell=())
"""The context of an instruction that reads nothing of it."""


@dataclass(frozen=True, slots=True)
class PendingInput:
    """An input of kind ``content`` whose value is the content digest of files that are not there yet."""

    name: str
    origin: FromStage | FromImage
    selection: Selection


@dataclass(frozen=True, slots=True)
class Effect:
    """An instruction's part of its step's key, what it changes in the configuration, and what there is to do."""

    instruction: Instruction
    context: ExecutionContext = SEES_NOTHING
    change: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    pending: tuple[PendingInput, ...] = ()
    work: Work | None = None


def instruction(
    name: str,
    arguments: Iterable[str],
    *,
    flags: Mapping[str, str | Iterable[str] | None] | None = None,
    form: Form = Form.SHELL,
    heredocs: Iterable[Heredoc] = (),
) -> Instruction:
    """Return an instruction with its flags in order; those without a value (empty or None) are left out."""
    pairs: set[tuple[str, str]] = set()
    for flag, values in (flags or {}).items():
        each = [values or ""] if isinstance(values, str) or values is None else values
        pairs |= {(flag, value) for value in each if value}
    return Instruction(name, tuple(arguments), tuple(sorted(pairs)), form, tuple(heredocs))
