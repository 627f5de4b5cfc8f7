"""The stages of a Dockerfile: where each starts, and which of them the target needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lamella.errors import DockerfileError
from lamella.model import SCRATCH, Platform
from lamella.steps.config import ConfigError, read_triggers
from lamella.steps.dockerfile import ParsedInstruction, parse_trigger
from lamella.steps.expand import ExpansionError, expand_word
from lamella.steps.mounts import MountError, mount_origin
from lamella.steps.platforms import normalize_platform
from lamella.steps.work import BaseImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lamella.steps.arguments import Arguments
    from lamella.steps.dockerfile import ParsedDockerfile
    from lamella.steps.work import BaseImages

SCRATCH_NAME = "scratch"
"""What FROM calls the image without layers."""
MAX_STAGES = 1024
"""The most stages of a Dockerfile."""
MAX_DIGITS = 32
"""The longest number of a stage, in characters."""

_STAGE_NAME = re.compile(r"[a-z][a-z0-9._-]*\Z")


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as written, its FROM expanded.

    ``index`` is its place in the Dockerfile. It starts from ``base_stage``, the place of an earlier one, or where that
    is None from the image that ``base`` names. ``instructions`` are without the FROM, which is on ``line``.
    """

    index: int
    name: str
    base: str
    base_stage: int | None
    platform: Platform
    line: int
    instructions: tuple[ParsedInstruction, ...]


@dataclass(frozen=True, slots=True)
class Stages:
    """All stages of a Dockerfile, in their order, and where its images come from."""

    file: str
    all: tuple[Stage, ...]
    images: BaseImages
    _resolved: dict[tuple[str, Platform], BaseImage] = field(default_factory=dict)

    def target(self, name: str) -> Stage:
        """Return the stage to build: ``name``, or the last one where that is empty.

        Raises:
            DockerfileError: there is no such stage.
        """
        stage = self._find(name) if name else self.all[-1]
        if stage is None:
            names = ", ".join(stage.name for stage in self.all if stage.name) or "none has a name"
            raise DockerfileError(self.file, 1, f"there is no stage {name[:100]!r} to build (stages: {names})")
        return stage

    def source(self, name: str, reader: Stage, line: int) -> Stage | None:
        """Return the stage that a ``from`` within the stage ``reader`` names; None where it is an image.

        Raises:
            DockerfileError: there is no stage of this number, or it does not come before ``reader``.
        """
        found = self._find(name)
        if found is None and name.isdecimal():
            raise DockerfileError(self.file, line, f"there is no stage {name[:100]}")
        if found is not None and found.index >= reader.index:
            raise DockerfileError(self.file, line, f"stage {name!r} does not come before the one that copies from it")
        return found

    def image(self, reference: str, platform: Platform, line: int) -> BaseImage:
        """Return an image, which is looked up once.

        Raises:
            DockerfileError: it cannot be had, or is malformed.
        """
        found = self._resolved.get((reference, platform))
        if found is None:
            try:
                found = (
                    BaseImage(reference, platform, SCRATCH, (), {})
                    if reference == SCRATCH_NAME
                    else self.images.resolve(reference, platform)
                )
            except (LookupError, ValueError) as error:
                reason = error.args[0] if error.args else "there is no such image"
                raise DockerfileError(self.file, line, f"image {reference!r}: {reason}") from error
            self._resolved[reference, platform] = found
        return found

    def needed(self, target: Stage) -> list[Stage]:
        """Return the stages that ``target`` needs and itself, in their order, with the ONBUILD triggers of their bases.

        Raises:
            DockerfileError: a base image cannot be had, a trigger is malformed, or a stage copies from a later one.
        """
        needed: dict[int, Stage] = {}
        waiting = [target.index]
        while waiting:
            stage = self.all[waiting.pop()]
            if stage.index in needed:
                continue
            stage = replace(stage, instructions=(*self._triggers(stage), *stage.instructions))
            needed[stage.index] = stage
            if stage.base_stage is not None:
                waiting.append(stage.base_stage)
            for name, line in self._origins(stage):
                source = self.source(name, stage, line)
                if source is not None:
                    waiting.append(source.index)
        return [needed[index] for index in sorted(needed)]

    def _find(self, name: str) -> Stage | None:
        if name.isdecimal():
            return self.all[int(name)] if len(name) <= MAX_DIGITS and int(name) < len(self.all) else None
        return next((stage for stage in reversed(self.all) if stage.name and stage.name == name.lower()), None)

    def _triggers(self, stage: Stage) -> Iterator[ParsedInstruction]:
        if stage.base_stage is None:
            image = self.image(stage.base, stage.platform, stage.line)
            try:
                expressions = read_triggers(image.configuration.get("config") or {})
            except ConfigError as error:
                raise DockerfileError(self.file, stage.line, f"image {stage.base!r}: {error}") from None
        else:
            base = self.all[stage.base_stage]
            expressions = [instruction.trigger for instruction in base.instructions if instruction.name == "ONBUILD"]
        for expression in expressions:
            yield parse_trigger(expression, self.file, stage.line)

    def _origins(self, stage: Stage) -> Iterator[tuple[str, int]]:
        """Yield what the instructions of a stage copy or mount from, and their lines."""
        for instruction in stage.instructions:
            if instruction.name == "COPY" and (name := instruction.flags.text("from")):
                yield name, instruction.line
            if instruction.name == "RUN":
                for mount in instruction.flags.list("mount"):
                    try:
                        name = mount_origin(mount)
                    except MountError as error:
                        raise DockerfileError(self.file, instruction.line, str(error)) from None
                    if name:
                        yield name, instruction.line


def read_stages(parsed: ParsedDockerfile, arguments: Arguments, platform: Platform, images: BaseImages) -> Stages:
    """Split a Dockerfile into stages, taking its global ARGs into ``arguments``.

    Raises:
        DockerfileError: an instruction stands before the first FROM, or a FROM is malformed.
    """
    froms = [place for place, instruction in enumerate(parsed.instructions) if instruction.name == "FROM"]
    if not froms:
        raise DockerfileError(parsed.file, parsed.instructions[-1].end_line, "there is no FROM")
    if len(froms) > MAX_STAGES:
        raise DockerfileError(
            parsed.file, parsed.instructions[froms[MAX_STAGES]].line, f"more than {MAX_STAGES} stages"
        )
    for instruction in parsed.instructions[: froms[0]]:
        if instruction.name != "ARG":
            raise DockerfileError(parsed.file, instruction.line, f"{instruction.name} before the first FROM")
        arguments.declare_global(instruction)
    reader = _FromReader(parsed, arguments, platform)
    stages: list[Stage] = []
    for start, end in zip(froms, [*froms[1:], len(parsed.instructions)], strict=True):
        stages.append(reader.read(parsed.instructions[start], parsed.instructions[start + 1 : end], stages))
    return Stages(parsed.file, tuple(stages), images)


@dataclass(frozen=True, slots=True)
class _FromReader:
    parsed: ParsedDockerfile
    arguments: Arguments
    platform: Platform

    def read(self, instruction: ParsedInstruction, body: Sequence[ParsedInstruction], before: Sequence[Stage]) -> Stage:
        words, line = instruction.words, instruction.line
        if len(words) not in {1, 3} or (len(words) == 3 and words[1].upper() != "AS"):
            raise DockerfileError(self.parsed.file, line, "expected FROM <image> or FROM <image> AS <stage>")
        name = words[2].lower() if len(words) == 3 else ""
        if name == SCRATCH_NAME or (name and _STAGE_NAME.match(name) is None):
            raise DockerfileError(self.parsed.file, line, f"not a name for a stage: {words[2][:100]!r}")
        base = self._expand(words[0], line)
        if not base:
            raise DockerfileError(self.parsed.file, line, f"the base image {words[0]!r} expands to nothing")
        named = next((stage for stage in reversed(before) if stage.name and stage.name == base.lower()), None)
        platform = self._read_platform(instruction) if named is None else named.platform
        base_stage = None if named is None else named.index
        return Stage(len(before), name, base, base_stage, platform, line, tuple(body))

    def _read_platform(self, instruction: ParsedInstruction) -> Platform:
        written = instruction.flags.text("platform")
        if not written:
            return self.platform
        try:
            return normalize_platform(Platform.parse(self._expand(written, instruction.line)))
        except ValueError as error:
            raise DockerfileError(self.parsed.file, instruction.line, f"--platform={written}: {error}") from None

    def _expand(self, word: str, line: int) -> str:
        try:
            return expand_word(word, self.arguments.scope, self.parsed.escape)
        except ExpansionError as error:
            raise DockerfileError(self.parsed.file, line, f"FROM: {error}") from None
