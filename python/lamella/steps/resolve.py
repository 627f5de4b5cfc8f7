"""Answering a whole Dockerfile at once: which steps are already built, walking from parent to parent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from lamella.errors import Invalid
from lamella.model import extend_chain
from lamella.steps.check import check_step
from lamella.steps.key import step_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella.model import Digest, Scope, Step, StepResult


class Status(Enum):
    """What is known of a step: built before; not built before, as far as the scope may see; or not to be told yet."""

    HIT = "hit"
    MISS = "miss"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Node:
    """A step whose parent may be the result of an earlier one.

    Where ``after`` is given, the step is applied to the result of the node at that place of the list, and
    ``step.parent`` stands for nothing. ``inputs_pending`` says that inputs are missing (COPY --from a stage that is
    itself being resolved).
    """

    step: Step
    after: int | None = None
    inputs_pending: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for a node: ``key`` for a hit and a miss, ``result`` and ``chain_id`` (after it) for a hit."""

    status: Status
    key: Digest | None = None
    result: StepResult | None = None
    chain_id: Digest | None = None


_UNKNOWN = Answer(Status.UNKNOWN)


class Lookup(Protocol):
    """Where step results are found."""

    async def find(self, scopes: Sequence[Scope], key: Digest) -> StepResult | None:
        """Return the result of ``key`` in the first of ``scopes`` that has one whose layer is in the store."""


async def resolve(nodes: Sequence[Node], scope: Scope, lookup: Lookup) -> list[Answer]:
    """Look up the steps of a Dockerfile, and return one answer for each, in their order.

    A step is unknown, and not looked up, where its parent is no hit or its inputs are pending.

    Raises:
        Invalid: a step is not valid, or is applied to one that does not come before it; nothing was looked up.
    """
    for place, node in enumerate(nodes):
        _check_node(node, place)
    answers: list[Answer] = []
    for node in nodes:
        parent = node.step.parent if node.after is None else answers[node.after].chain_id
        if parent is None or node.inputs_pending:
            answers.append(_UNKNOWN)
            continue
        key = step_key(replace(node.step, parent=parent))
        result = await lookup.find(scope.readable, key)
        if result is None:
            answers.append(Answer(Status.MISS, key))
        else:
            answers.append(Answer(Status.HIT, key, result, chain_after(parent, result)))
    return answers


def chain_after(parent: Digest, result: StepResult) -> Digest:
    """Return the chain ID of the file system that a step leaves: its parent's, with the step's layer if it has one."""
    return parent if result.layer is None else extend_chain(parent, result.layer.diff_id)


def _check_node(node: Node, place: int) -> None:
    if node.after is not None and not 0 <= node.after < place:
        raise Invalid(f"steps[{place}].index", f"{node.after} is not an earlier step")
    try:
        check_step(node.step)
    except Invalid as error:
        raise Invalid(f"steps[{place}].step.{error.field}", error.reason) from None
