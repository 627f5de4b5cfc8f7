"""What the server refuses before it computes a key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lamella.errors import Invalid
from lamella.model import ExecutionContext, Heredoc, Input, Step
from lamella.steps.check import MAX_FLAGS, MAX_ITEMS, MAX_NAME, MAX_TEXT, check_step
from tests.unit.steps.support import make_step

_CONTEXT = ExecutionContext()
_LARGE = "x" * MAX_TEXT
_REFUSED = {
    "instruction.name": make_step(name="run"),
    "instruction.arguments": make_step("a", "b"),
    "instruction.arguments[0]": make_step(_LARGE + "x"),
    "instruction.flags": make_step(flags=tuple((f"{i:04}", "") for i in range(MAX_FLAGS + 1))),
    "instruction.flags[1]": make_step(flags=(("b", ""), ("a", ""))),
    "instruction.flags[2]": make_step(flags=(("a", "1"), ("b", "2"), ("b", "2"))),
    "instruction.flags[0].name": make_step(flags=(("x" * (MAX_NAME + 1), ""),)),
    "instruction.heredocs": make_step(heredocs=(Heredoc("E", ""),) * (MAX_FLAGS + 1)),
    "instruction.heredocs[0].body": make_step(heredocs=(Heredoc("E", _LARGE + "x"),)),
    "context.env": make_step(context=replace(_CONTEXT, env=(("A", "1"), ("B", "2"), ("A", "3")))),
    "context.env[0]": make_step(context=replace(_CONTEXT, env=(("", "1"),))),
    "context.env[1]": make_step(context=replace(_CONTEXT, env=(("A", "1"), ("B=C", "1")))),
    "context.env[0].value": make_step(context=replace(_CONTEXT, env=(("A", "\ud800"),))),
    "context.workdir": make_step(context=replace(_CONTEXT, workdir="app")),
    "context.user": make_step(context=replace(_CONTEXT, user="\udcff")),
    "context.shell": make_step(context=replace(_CONTEXT, shell=("",) * (MAX_ITEMS + 1))),
    "inputs": make_step(inputs=tuple(Input("arg", f"{i:05}", "") for i in range(MAX_ITEMS + 1))),
    "inputs[1]": make_step(inputs=(Input("arg", "B", ""), Input("arg", "A", ""))),
    "inputs[2]": make_step(inputs=(Input("arg", "A", ""), Input("arg", "B", "1"), Input("arg", "B", "2"))),
    "inputs[0].kind": make_step(inputs=(Input("", "A", ""),)),
    "step": make_step(*[_LARGE] * 5, name="CMD"),
}


@pytest.mark.parametrize(("field", "step"), _REFUSED.items(), ids=_REFUSED.keys())
def test_a_step_that_is_not_canonical_is_refused_by_field(field: str, step: Step) -> None:
    with pytest.raises(Invalid) as caught:
        check_step(step)
    assert caught.value.field == field
    assert len(str(caught.value)) < 500


def test_a_step_at_its_limits_is_accepted() -> None:
    check_step(make_step(_LARGE, flags=tuple((f"{i:04}", "") for i in range(MAX_FLAGS))))


def test_order_is_that_of_bytes_in_utf_8() -> None:
    # In UTF-16, as some languages compare, U+1F600 sorts before U+FF21.
    check_step(make_step(inputs=(Input("arg", "\uff21", ""), Input("arg", "\U0001f600", ""))))
