"""Steps as messages. A message has no parent: the call that carries it says what the step is applied to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella.errors import Invalid
from lamella.model import ExecutionContext, Form, Heredoc, Input, Instruction, Platform, Step

if TYPE_CHECKING:
    from lamella.model import Digest

_FORMS = {pb.Instruction.SHELL: Form.SHELL, pb.Instruction.EXEC: Form.EXEC}
_FORM_NUMBERS = {form: number for number, form in _FORMS.items()}


def step_to_message(step: Step) -> pb.Step:
    """Convert everything but ``step.parent``."""
    instruction, context = step.instruction, step.context
    return pb.Step(
        platform=pb.Platform(
            os=step.platform.os, architecture=step.platform.architecture, variant=step.platform.variant
        ),
        context=pb.ExecutionContext(
            env=[pb.ExecutionContext.Variable(name=name, value=value) for name, value in context.env],
            user=context.user,
            workdir=context.workdir,
            shell=context.shell,
        ),
        instruction=pb.Instruction(
            name=instruction.name,
            arguments=instruction.arguments,
            flags=[pb.Instruction.Flag(name=name, value=value) for name, value in instruction.flags],
            form=_FORM_NUMBERS[instruction.form],
            heredocs=[pb.Instruction.Heredoc(name=heredoc.name, body=heredoc.body) for heredoc in instruction.heredocs],
        ),
        inputs=[pb.Input(kind=item.kind, name=item.name, value=item.value) for item in step.inputs],
    )


def step_from_message(message: pb.Step, parent: Digest, field: str) -> Step:
    """Convert a step that is applied to ``parent``; ``field`` is the message's path, for errors.

    Raises:
        Invalid: the platform or the form of the instruction is missing or not valid.
    """
    return Step(
        platform=_platform(message.platform, f"{field}.platform"),
        parent=parent,
        context=ExecutionContext(
            env=tuple((variable.name, variable.value) for variable in message.context.env),
            user=message.context.user,
            workdir=message.context.workdir,
            shell=tuple(message.context.shell),
        ),
        instruction=_instruction(message.instruction, f"{field}.instruction"),
        inputs=tuple(Input(item.kind, item.name, item.value) for item in message.inputs),
    )


def _platform(message: pb.Platform, field: str) -> Platform:
    try:
        return Platform(message.os, message.architecture, message.variant)
    except ValueError as error:
        raise Invalid(field, str(error)) from None


def _instruction(message: pb.Instruction, field: str) -> Instruction:
    form = _FORMS.get(message.form)
    if form is None:
        raise Invalid(f"{field}.form", f"{message.form} is neither SHELL nor EXEC")
    return Instruction(
        name=message.name,
        arguments=tuple(message.arguments),
        flags=tuple((flag.name, flag.value) for flag in message.flags),
        form=form,
        heredocs=tuple(Heredoc(heredoc.name, heredoc.body) for heredoc in message.heredocs),
    )
