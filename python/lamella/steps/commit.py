"""Keeping the result of a step, after checking that it is what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lamella.errors import Invalid
from lamella.steps.check import FILE_INSTRUCTIONS, MAX_NAME, check_step, check_text
from lamella.steps.key import step_key
from lamella.steps.resolve import chain_after

if TYPE_CHECKING:
    from lamella.model import Digest, Layer, Scope, Step, StepResult

MAX_CONFIG_CHANGE = 1 << 20
"""The largest change of an image configuration, in bytes of UTF-8."""


class StepResults(Protocol):
    """Where step results are kept."""

    async def put_if_absent(self, scope: Scope, key: Digest, step: Step, result: StepResult) -> tuple[StepResult, bool]:
        """Keep a result with the components of its key, unless the scope has one; return what it has, and if it is new.

        Raises:
            NotFound: the result's layer is not, or no longer, in the store; nothing was kept.
        """


class LayerCheck(Protocol):
    """Knows whether layers are what they are said to be."""

    async def check(self, layer: Layer) -> None:
        """Accept a layer that is in the store.

        Raises:
            NotFound: its blob is not in the store.
            Invalid: its size or diff_id is not that of the blob.
        """


@dataclass(frozen=True, slots=True)
class Committed:
    """What a key now has, the chain ID of the file system after it, and whether this commit is what gave it."""

    result: StepResult
    chain_id: Digest
    created: bool


async def commit(  # noqa: PLR0917 - three that say what, three that say where
    step: Step, key: Digest, result: StepResult, scope: Scope, results: StepResults, layers: LayerCheck
) -> Committed:
    """Keep ``result`` as that of ``step``, unless ``scope`` has one already: the first stays.

    Raises:
        Invalid: the step is not valid, ``key`` is not its key, or the result is not one that such a step can have.
        NotFound: the result's layer is not in the store.
    """
    try:
        check_step(step)
    except Invalid as error:
        raise Invalid(f"step.{error.field}", error.reason) from None
    expected = step_key(step)
    if key != expected:
        raise Invalid("key", f"{key} is not the key of the step, which is {expected}")
    _check_config_change(result.config_change)
    check_text("result.builder", result.builder, MAX_NAME)
    if result.layer is not None:
        check_text("result.layer.media_type", result.layer.descriptor.media_type, MAX_NAME)
        if step.instruction.name not in FILE_INSTRUCTIONS:
            raise Invalid("result.layer", f"{step.instruction.name} changes no file, so it has no layer")
        await layers.check(result.layer)
    kept, created = await results.put_if_absent(scope, key, step, result)
    return Committed(kept, chain_after(step.parent, kept), created)


def _check_config_change(text: str) -> None:
    field = "result.config_change"
    check_text(field, text, MAX_CONFIG_CHANGE)
    try:
        change = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(field, f"not JSON: {error}") from None
    if not isinstance(change, dict):
        raise Invalid(field, "not a JSON object")
