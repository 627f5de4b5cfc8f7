"""A step and its result as bytes; the fields are positional, so that renaming one changes no stored byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from lamella.model import (
    Descriptor,
    Digest,
    ExecutionContext,
    Form,
    Heredoc,
    Input,
    Instruction,
    Layer,
    Platform,
    Step,
    StepResult,
)

VALUE_VERSION: Final = 1

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step, with everything its key is made of, and what running it gave."""

    step: Step
    result: StepResult


class _Instruction(msgspec.Struct, array_like=True):
    name: str
    arguments: tuple[str, ...]
    flags: tuple[Pair, ...]
    form: str
    heredocs: tuple[Pair, ...]


class _Context(msgspec.Struct, array_like=True):
    env: tuple[Pair, ...]
    user: str
    workdir: str
    shell: tuple[str, ...]


class _Step(msgspec.Struct, array_like=True):
    platform: tuple[str, str, str]
    parent: bytes
    context: _Context
    instruction: _Instruction
    inputs: tuple[tuple[str, str, str], ...]


class _Layer(msgspec.Struct, array_like=True):
    digest: bytes
    size: int
    media_type: str
    diff_id: bytes


class _Result(msgspec.Struct, array_like=True):
    layer: _Layer | None
    config_change: str
    seconds: float
    builder: str
    created: float


class _Record(msgspec.Struct, array_like=True):
    version: int
    step: _Step
    result: _Result


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Record)


def encode(record: StepRecord) -> bytes:
    """Return a record's bytes."""
    return _encoder.encode(_Record(VALUE_VERSION, _from_step(record.step), _from_result(record.result)))


def decode(value: bytes) -> StepRecord:
    """Read what ``encode`` gave."""
    fields = _decoder.decode(value)
    return StepRecord(_to_step(fields.step), _to_result(fields.result))


def _from_step(step: Step) -> _Step:
    platform, context, instruction = step.platform, step.context, step.instruction
    return _Step(
        (platform.os, platform.architecture, platform.variant),
        step.parent.raw,
        _Context(context.env, context.user, context.workdir, context.shell),
        _Instruction(
            instruction.name,
            instruction.arguments,
            instruction.flags,
            instruction.form.value,
            tuple((heredoc.name, heredoc.body) for heredoc in instruction.heredocs),
        ),
        tuple((entry.kind, entry.name, entry.value) for entry in step.inputs),
    )


def _to_step(fields: _Step) -> Step:
    context, instruction = fields.context, fields.instruction
    return Step(
        Platform(*fields.platform),
        Digest(fields.parent),
        ExecutionContext(context.env, context.user, context.workdir, context.shell),
        Instruction(
            instruction.name,
            instruction.arguments,
            instruction.flags,
            Form(instruction.form),
            tuple(Heredoc(*pair) for pair in instruction.heredocs),
        ),
        tuple(Input(*entry) for entry in fields.inputs),
    )


def _from_result(result: StepResult) -> _Result:
    layer = result.layer
    stored = None
    if layer is not None:
        blob = layer.descriptor
        stored = _Layer(blob.digest.raw, blob.size, blob.media_type, layer.diff_id.raw)
    return _Result(stored, result.config_change, result.seconds, result.builder, result.created)


def _to_result(fields: _Result) -> StepResult:
    stored = fields.layer
    layer = None
    if stored is not None:
        layer = Layer(Descriptor(Digest(stored.digest), stored.size, stored.media_type), Digest(stored.diff_id))
    return StepResult(layer, fields.config_change, fields.seconds, fields.builder, fields.created)
