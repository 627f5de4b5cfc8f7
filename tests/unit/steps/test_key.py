"""The step key: no two steps share one, and its bytes are those of the document."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella.model import SCRATCH, Digest, ExecutionContext, Form, Heredoc, Input, Instruction, Platform, Step
from lamella.steps.check import check_step
from lamella.steps.key import encode_context, encode_step, step_key
from lamella.wire.step import step_from_message, step_to_message
from tests.unit.steps import strategies
from tests.unit.steps.decoding import decode_context, decode_step
from tests.unit.steps.support import make_step

_ROOT = Path(__file__).parents[3]
_VECTORS: list[dict[str, Any]] = json.loads((_ROOT / "protos/lamella/v1/vectors/step_key.json").read_text())["vectors"]


def test_there_are_enough_vectors_and_each_has_its_own_name_and_key() -> None:
    assert len(_VECTORS) >= 30
    for field in ("name", "key"):
        assert len({vector[field] for vector in _VECTORS}) == len(_VECTORS)


@pytest.mark.parametrize("vector", _VECTORS, ids=lambda vector: vector["name"])
def test_the_vectors_hold(vector: dict[str, Any]) -> None:
    message = json_format.ParseDict(vector["step"], pb.Step())
    parent = Digest.parse(vector["parentChainId"]) if vector["parentChainId"] else SCRATCH
    step = step_from_message(message, parent, "step")
    check_step(step)
    assert encode_context(step.context).hex() == vector["contextEncoding"]
    assert encode_step(step).hex() == vector["encoding"]
    assert str(step_key(step)) == vector["key"]
    assert json_format.MessageToDict(step_to_message(step)) == vector["step"]


def test_the_worked_example_of_the_document_is_a_vector() -> None:
    document = (_ROOT / "docs/step-key.md").read_text()
    blocks = ["".join(block.split("\n```")[0].split()) for block in document.split("```hex\n")[1:]]
    example = next(vector for vector in _VECTORS if vector["name"] == "worked example")
    assert blocks == [example["contextEncoding"], example["encoding"]]
    assert example["key"] in document


@given(strategies.steps)
def test_an_encoding_can_be_read_back(step: Step) -> None:
    assert decode_step(encode_step(step), encode_context(step.context)) == step


@given(strategies.contexts)
def test_a_context_can_be_read_back(context: ExecutionContext) -> None:
    assert decode_context(encode_context(context)) == context


@given(strategies.steps, strategies.steps)
def test_two_steps_share_an_encoding_only_if_they_are_one(one: Step, other: Step) -> None:
    assert (encode_step(one) == encode_step(other)) == (one == other)


@given(strategies.steps)
def test_steps_of_the_strategy_are_valid(step: Step) -> None:
    check_step(step)


@given(strategies.steps, st.data())
def test_every_component_is_in_the_key(step: Step, data: st.DataObject) -> None:
    components: dict[str, st.SearchStrategy[Any]] = {
        "platform": strategies.platforms,
        "parent": strategies.digests,
        "context": strategies.contexts,
        "instruction": strategies.instructions(),
        "inputs": strategies.inputs,
    }
    name = data.draw(st.sampled_from(sorted(components)))
    value = data.draw(components[name].filter(lambda value: value != getattr(step, name)))
    assert step_key(replace(step, **{name: value})) != step_key(step)


_BASE = make_step(
    "echo",
    context=ExecutionContext((("A", "1"),), "user", "/dir", ("/bin/sh", "-c")),
    flags=(("network", "none"),),
    heredocs=(Heredoc("EOF", "body"),),
    inputs=(Input("arg", "A", "1"),),
)
_OTHERS = {
    "os": replace(_BASE, platform=Platform("freebsd", "amd64")),
    "architecture": replace(_BASE, platform=Platform("linux", "arm64")),
    "variant": replace(_BASE, platform=Platform("linux", "amd64", "v3")),
    "parent": replace(_BASE, parent=Digest.of(b"other")),
    "env": replace(_BASE, context=replace(_BASE.context, env=(("A", "2"),))),
    "env name": replace(_BASE, context=replace(_BASE.context, env=(("B", "1"),))),
    "no env": replace(_BASE, context=replace(_BASE.context, env=())),
    "user": replace(_BASE, context=replace(_BASE.context, user="other")),
    "workdir": replace(_BASE, context=replace(_BASE.context, workdir="/other")),
    "shell": replace(_BASE, context=replace(_BASE.context, shell=("/bin/sh -c",))),
    "name": replace(_BASE, instruction=replace(_BASE.instruction, name="CMD")),
    "flag": replace(_BASE, instruction=replace(_BASE.instruction, flags=(("network", "host"),))),
    "no flag": replace(_BASE, instruction=replace(_BASE.instruction, flags=())),
    "form": replace(_BASE, instruction=replace(_BASE.instruction, form=Form.EXEC)),
    "argument": replace(_BASE, instruction=replace(_BASE.instruction, arguments=("echo ",))),
    "two arguments": replace(_BASE, instruction=replace(_BASE.instruction, arguments=("echo", ""))),
    "here-document": replace(_BASE, instruction=replace(_BASE.instruction, heredocs=(Heredoc("EOF", "body\n"),))),
    "here-document's name": replace(_BASE, instruction=replace(_BASE.instruction, heredocs=(Heredoc("E", "body"),))),
    "input": replace(_BASE, inputs=(Input("arg", "A", "2"),)),
    "input's kind": replace(_BASE, inputs=(Input("mount", "A", "1"),)),
    "input's name": replace(_BASE, inputs=(Input("arg", "B", "1"),)),
    "no input": replace(_BASE, inputs=()),
}


@pytest.mark.parametrize("other", _OTHERS.values(), ids=_OTHERS.keys())
def test_each_field_by_itself_changes_the_key(other: Step) -> None:
    assert step_key(other) != step_key(_BASE)


@given(strategies.words, strategies.words, strategies.words)
def test_text_cannot_move_from_one_field_to_the_next(one: str, two: str, three: str) -> None:
    def key(*arguments: str) -> Digest:
        return step_key(Step(Platform("linux", "amd64"), SCRATCH, ExecutionContext(), Instruction("CMD", arguments)))

    assert (key(one + two, three) == key(one, two + three)) == (not two)
