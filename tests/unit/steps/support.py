"""A build context, images and steps made up for the tests of this folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lamella.model import Digest, ExecutionContext, Input, Instruction, Platform, Step, chain_id
from lamella.steps.plan import Plan, PlannedStep, make_plan
from lamella.steps.work import BaseImage, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

AMD64 = Platform("linux", "amd64")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Images:
    """Images by reference; any reference without ``missing`` names one, by default with an empty configuration."""

    def __init__(self, configs: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.configs = configs or {}
        self.asked: list[tuple[str, str]] = []

    def resolve(self, reference: str, platform: Platform) -> BaseImage:
        self.asked.append((reference, str(platform)))
        if "missing" in reference:
            raise LookupError("not found; give it with --build-context")
        diff_ids = (Digest.of(f"{reference} {platform}".encode()),)
        configuration = {"config": dict(self.configs.get(reference, {})), "author": f"author of {reference}"}
        return BaseImage(reference, platform, chain_id(diff_ids), diff_ids, configuration)


@dataclass
class Context:
    """A build context whose files have the content given, or else their own name."""

    contents: dict[str, str] = field(default_factory=dict)
    asked: list[Selection] = field(default_factory=list)

    def digest(self, selection: Selection, *, apart: bool = False) -> Digest:
        self.asked.append(selection)
        if "missing" in selection.source:
            raise FileNotFoundError(f"nothing matches {selection.source!r}")
        if "circle" in selection.source:
            raise OSError(f"symlinks lead {selection.source!r} in a circle")
        if selection.source.count("[") > selection.source.count("]"):
            raise ValueError(f"malformed pattern {selection.source!r}")
        content = self.contents.get(selection.source, selection.source)
        return Digest.of(f"{content} {selection.exclude} {selection.pivot if selection.parents else ''}".encode())


def plan(text: str, **options: Any) -> Plan:
    options.setdefault("images", Images())
    options.setdefault("context", Context())
    options.setdefault("platform", AMD64)
    return make_plan(text.encode(), **options)


def steps(text: str, **options: Any) -> tuple[PlannedStep, ...]:
    return plan(text, **options).steps


def last(text: str, **options: Any) -> PlannedStep:
    """The last step of a Dockerfile; without a FROM, one from an image without configuration is put before it."""
    return steps(text if "FROM" in text else f"FROM base\n{text}\n", **options)[-1]


def change(step: PlannedStep) -> Any:
    return json.loads(step.config_change)


def inputs(step: PlannedStep) -> dict[tuple[str, str], str]:
    return {(item.kind, item.name): item.value for item in step.node.step.inputs}


def make_step(
    *arguments: str,
    name: str = "RUN",
    parent: Digest | None = None,
    context: ExecutionContext | None = None,
    inputs: tuple[Input, ...] = (),
    **instruction: Any,
) -> Step:
    return Step(
        AMD64,
        parent or Digest.of(b"parent"),
        context or ExecutionContext(),
        Instruction(name, arguments or ("true",), **instruction),
        inputs,
    )
