"""Resolving a Dockerfile against what is built, and committing what was missing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from lamella.errors import Invalid, NotFound
from lamella.model import SCRATCH, Descriptor, Digest, ExecutionContext, Layer, Scope, Step, StepResult, extend_chain
from lamella.steps.check import MAX_NAME
from lamella.steps.commit import MAX_CONFIG_CHANGE, Committed, commit
from lamella.steps.key import step_key
from lamella.steps.resolve import Answer, Node, Status, resolve
from tests.unit.steps.support import make_step

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAIN = Scope()
_BRANCH = Scope(ref="pull/7")


@dataclass
class _Index:
    """What the store and the index do for steps, in memory."""

    kept: dict[tuple[Scope, Digest], tuple[Step, StepResult]] = field(default_factory=dict)
    blobs: set[Digest] = field(default_factory=set)
    lookups: list[Digest] = field(default_factory=list)

    async def find(self, scopes: Sequence[Scope], key: Digest) -> StepResult | None:
        self.lookups.append(key)
        for scope in scopes:
            if (scope, key) in self.kept:
                return self.kept[scope, key][1]
        return None

    async def put_if_absent(self, scope: Scope, key: Digest, step: Step, result: StepResult) -> tuple[StepResult, bool]:
        created = (scope, key) not in self.kept
        return self.kept.setdefault((scope, key), (step, result))[1], created

    async def check(self, layer: Layer) -> None:
        if layer.descriptor.digest not in self.blobs:
            raise NotFound(layer.descriptor.digest)
        if layer.diff_id != layer.descriptor.digest:
            raise Invalid("result.layer.diff_id", "is not that of the blob")

    async def build(self, step: Step, name: str = "", scope: Scope = _MAIN) -> Committed:
        layer = _layer(name) if name else None
        if layer is not None:
            self.blobs.add(layer.descriptor.digest)
        return await commit(step, step_key(step), StepResult(layer), scope, self, self)


def _layer(name: str) -> Layer:
    digest = Digest.of(name.encode())
    return Layer(Descriptor(digest, len(name), "application/vnd.oci.image.layer.v1.tar"), digest)


_BASE = Digest.of(b"base")
_STEPS = [make_step(command, parent=_BASE) for command in ("one", "two", "three")]
_CHAIN = [Node(step, None if place == 0 else place - 1) for place, step in enumerate(_STEPS)]


async def test_nothing_built_is_a_miss_and_then_unknown() -> None:
    answers = await resolve(_CHAIN, _MAIN, _Index())
    assert answers == [Answer(Status.MISS, step_key(_STEPS[0])), Answer(Status.UNKNOWN), Answer(Status.UNKNOWN)]


async def test_a_hit_gives_the_parent_of_the_next_step() -> None:
    index = _Index()
    first = await index.build(_STEPS[0], "layer one")
    second = await index.build(replace(_STEPS[1], parent=first.chain_id))
    answers = await resolve(_CHAIN, _MAIN, index)
    assert [answer.status for answer in answers] == [Status.HIT, Status.HIT, Status.MISS]
    assert answers[0].chain_id == extend_chain(_BASE, Digest.of(b"layer one"))
    assert answers[1].chain_id == answers[0].chain_id == second.chain_id, "a step without a layer leaves the chain"
    assert answers[2].key == step_key(replace(_STEPS[2], parent=second.chain_id))


async def test_branches_are_walked_apart() -> None:
    index = _Index()
    await index.build(_STEPS[0], "layer one")
    other = make_step("other", parent=SCRATCH)
    await index.build(other, "other layer")
    nodes = [Node(_STEPS[1]), Node(other), Node(_STEPS[0]), Node(_STEPS[2], after=1), Node(_STEPS[2], after=0)]
    assert [answer.status for answer in await resolve(nodes, _MAIN, index)] == [
        Status.MISS,
        Status.HIT,
        Status.HIT,
        Status.MISS,
        Status.UNKNOWN,
    ]


async def test_pending_inputs_are_not_looked_up() -> None:
    index = _Index()
    nodes = [Node(_STEPS[0], inputs_pending=True), Node(_STEPS[1], after=0), Node(_STEPS[2])]
    assert [answer.status for answer in await resolve(nodes, _MAIN, index)] == [
        Status.UNKNOWN,
        Status.UNKNOWN,
        Status.MISS,
    ]
    assert index.lookups == [step_key(_STEPS[2])]


async def test_a_branch_reads_main_and_main_does_not_read_the_branch() -> None:
    index = _Index()
    await index.build(_STEPS[0], "layer", _BRANCH)
    await index.build(_STEPS[1], "layer", _MAIN)
    nodes = [Node(_STEPS[0]), Node(_STEPS[1])]
    assert [answer.status for answer in await resolve(nodes, _BRANCH, index)] == [Status.HIT, Status.HIT]
    assert [answer.status for answer in await resolve(nodes, _MAIN, index)] == [Status.MISS, Status.HIT]


@pytest.mark.parametrize(
    ("node", "field"),
    [
        (Node(_STEPS[0], after=1), "steps[1].index"),
        (Node(_STEPS[0], after=7), "steps[1].index"),
        (Node(_STEPS[0], after=-1), "steps[1].index"),
        (Node(make_step(name="FROM")), "steps[1].step.instruction.name"),
        (Node(make_step(context=ExecutionContext(workdir="x"))), "steps[1].step.context.workdir"),
    ],
)
async def test_one_bad_step_refuses_all_before_any_lookup(node: Node, field: str) -> None:
    index = _Index()
    with pytest.raises(Invalid) as caught:
        await resolve([Node(_STEPS[0]), node], _MAIN, index)
    assert caught.value.field == field
    assert not index.lookups


async def test_the_first_result_of_a_key_stays() -> None:
    index = _Index()
    first = await index.build(_STEPS[0], "layer one")
    second = await index.build(_STEPS[0], "another layer")
    assert (first.created, second.created) == (True, False)
    assert second.result == first.result
    assert second.chain_id == first.chain_id


async def test_the_components_of_the_key_are_kept() -> None:
    index = _Index()
    await index.build(_STEPS[0], "layer one")
    assert index.kept[_MAIN, step_key(_STEPS[0])][0] == _STEPS[0]


@pytest.mark.parametrize(
    ("step", "key", "result", "field"),
    [
        (_STEPS[0], step_key(_STEPS[1]), StepResult(), "key"),
        (make_step(name="FROM"), None, StepResult(), "step.instruction.name"),
        (make_step("a", name="LABEL"), None, StepResult(_layer("x")), "result.layer"),
        (_STEPS[0], None, StepResult(config_change="[]"), "result.config_change"),
        (_STEPS[0], None, StepResult(config_change="{"), "result.config_change"),
        (_STEPS[0], None, StepResult(config_change="[" * 100_000), "result.config_change"),
        (_STEPS[0], None, StepResult(config_change='"\ud800"'), "result.config_change"),
        (_STEPS[0], None, StepResult(config_change=" " * MAX_CONFIG_CHANGE + "{}"), "result.config_change"),
        (_STEPS[0], None, StepResult(builder="b" * (MAX_NAME + 1)), "result.builder"),
        (
            _STEPS[0],
            None,
            StepResult(
                Layer(replace(_layer("present").descriptor, media_type="m" * (MAX_NAME + 1)), Digest.of(b"present"))
            ),
            "result.layer.media_type",
        ),
        (
            _STEPS[0],
            None,
            StepResult(replace(_layer("present"), diff_id=Digest.of(b"other"))),
            "result.layer.diff_id",
        ),
    ],
)
async def test_a_result_that_is_not_true_is_refused(
    step: Step, key: Digest | None, result: StepResult, field: str
) -> None:
    index = _Index(blobs={Digest.of(b"present")})
    with pytest.raises(Invalid) as caught:
        await commit(step, key or step_key(step), result, _MAIN, index, index)
    assert caught.value.field == field
    assert not index.kept


async def test_a_result_whose_layer_is_not_stored_is_refused() -> None:
    index = _Index()
    with pytest.raises(NotFound):
        await commit(_STEPS[0], step_key(_STEPS[0]), StepResult(_layer("absent")), _MAIN, index, index)
    assert not index.kept
