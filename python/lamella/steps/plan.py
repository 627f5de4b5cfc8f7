"""From a Dockerfile to steps: everything that can be known before anything is built."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lamella.errors import DockerfileError, Invalid
from lamella.model import SCRATCH, Digest, Input, Platform, Step
from lamella.steps.arguments import Arguments, automatic_arguments
from lamella.steps.check import FILE_INSTRUCTIONS, check_step
from lamella.steps.config import ConfigError, canonical_json, inherited_config, scratch_config
from lamella.steps.config_steps import CONFIG_INSTRUCTIONS
from lamella.steps.dockerfile import parse_dockerfile
from lamella.steps.file_steps import plan_copy, plan_workdir
from lamella.steps.platforms import normalize_platform
from lamella.steps.resolve import Node
from lamella.steps.run_step import plan_run
from lamella.steps.sources import Sources
from lamella.steps.stages import SCRATCH_NAME, Stage, Stages, read_stages
from lamella.steps.state import StageState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lamella.steps.dockerfile import ParsedInstruction
    from lamella.steps.effect import Effect, PendingInput
    from lamella.steps.work import BaseImage, BaseImages, ContextFiles, Work


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan.

    ``line`` to ``end_line`` is where the instruction stands (that of the FROM, for a trigger of the base), ``text``
    what it says. ``node.after`` is the place in ``Plan.steps`` of the step that leaves the file system this one is
    applied to; where it is None, ``node.step.parent`` is known. ``config_change`` is the merge patch of the step's
    result. ``work`` is None where no file can change.

    While ``waits_for`` is not empty, inputs are missing: the content of files of other stages and of images.
    """

    stage: int
    line: int
    end_line: int
    text: str
    node: Node
    config_change: str
    waits_for: tuple[PendingInput, ...] = ()
    work: Work | None = None

    def with_inputs(self, contents: Sequence[Digest]) -> PlannedStep:
        """Return the step with the content digests of what it waits for, in that order.

        Raises:
            ValueError: there are more or fewer of them.
        """
        found = [
            Input("content", pending.name, str(content))
            for pending, content in zip(self.waits_for, contents, strict=True)
        ]
        step = replace(self.node.step, inputs=tuple(sorted([*self.node.step.inputs, *found])))
        return replace(self, node=replace(self.node, step=step, inputs_pending=False), waits_for=())


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage of a plan.

    ``base`` is the image that it starts from, itself or through ``base_stage`` (a place in ``Plan.stages``); None where
    that is scratch. ``steps`` are places in ``Plan.steps``. ``tip`` is the place of the step that leaves the stage's
    file system, or where none of its own and its base stages' steps changes a file, the chain ID. ``config`` is the
    ``config`` object of the image that the stage makes, ``author`` its author.
    """

    name: str
    line: int
    platform: Platform
    base: BaseImage | None
    base_stage: int | None
    steps: range
    tip: int | Digest
    config: Mapping[str, Any]
    author: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a build, each after those that it is applied to or waits for.

    ``stages`` are those that the target, the last of them, needs. ``proxies`` are predefined arguments that RUN sees
    and that are no part of any key. ``layer_time`` is the time of everything in the layers, in seconds since the epoch.
    """

    file: str
    stages: tuple[PlannedStage, ...]
    steps: tuple[PlannedStep, ...]
    warnings: tuple[str, ...]
    proxies: Mapping[str, str]
    layer_time: int

    @property
    def target(self) -> PlannedStage:
        """The stage that is built."""
        return self.stages[-1]


def make_plan(
    dockerfile: bytes,
    *,
    images: BaseImages,
    context: ContextFiles,
    platform: Platform,
    build_platform: Platform | None = None,
    file: str = "Dockerfile",
    target: str = "",
    build_arguments: Mapping[str, str] | None = None,
) -> Plan:
    """Plan the build of a Dockerfile for ``platform``, on ``build_platform`` (the same where None).

    ``file`` is the Dockerfile's name in errors, ``target`` the stage to build (the last where empty), and
    ``build_arguments`` are the values of ``--build-arg``.

    Raises:
        DockerfileError: the Dockerfile cannot be built as it stands; nothing was built.
    """
    parsed = parse_dockerfile(dockerfile, file)
    platform = normalize_platform(platform)
    froms = [instruction for instruction in parsed.instructions if instruction.name == "FROM"]
    stage_name = target or (froms[-1].words[2].lower() if froms and len(froms[-1].words) == 3 else "")
    automatic = automatic_arguments(platform, normalize_platform(build_platform or platform), stage_name)
    arguments = Arguments(file, parsed.escape, build_arguments or {}, automatic)
    stages = read_stages(parsed, arguments, platform, images)
    sources = Sources(stages, context, platform, arguments.layer_time())
    planner = _Planner(parsed.escape, arguments, stages, sources)
    # Every ARG counts as declared, even in stages that are not built: --build-arg may be given for all targets at once.
    for stage in stages.all:
        arguments.note_declared(stage.instructions)
    for stage in stages.needed(stages.target(target)):
        planner.plan_stage(stage)
    warnings = [f"--build-arg {name}: no ARG declares it" for name in arguments.unused()]
    return Plan(
        file, tuple(planner.planned), tuple(planner.steps), tuple(warnings), arguments.proxies, sources.layer_time
    )


class _Planner:
    def __init__(self, escape: str, arguments: Arguments, stages: Stages, sources: Sources) -> None:
        self.planned: list[PlannedStage] = []
        self.steps: list[PlannedStep] = []
        self._escape = escape
        self._arguments = arguments
        self._stages = stages
        self._sources = sources
        self._states: list[StageState] = []

    def plan_stage(self, stage: Stage) -> None:
        if stage.platform.os == "windows":
            raise DockerfileError(self._stages.file, stage.line, "Windows images cannot be built")
        base_stage = None if stage.base_stage is None else self._sources.places[stage.base_stage]
        base = self._base_image(stage) if base_stage is None else self.planned[base_stage].base
        state = self._start(stage, base, base_stage)
        first = len(self.steps)
        tip = self.planned[base_stage].tip if base_stage is not None else base.chain_id if base else SCRATCH
        for written in stage.instructions:
            if written.name == "ARG":
                # Adding to what is visible as it goes: `ARG a=1 b=$a` gives b the value 1.
                state.arguments |= self._arguments.declare(written, state.variables)
                continue
            effect = self._effect(state, written)
            state.change(effect.change)
            self._add_step(written, effect, stage.platform, tip)
            if written.name in FILE_INSTRUCTIONS:
                tip = len(self.steps) - 1
        self._sources.places[stage.index] = len(self.planned)
        self._states.append(state)
        self.planned.append(
            PlannedStage(
                name=stage.name,
                line=stage.line,
                platform=stage.platform,
                base=base,
                base_stage=base_stage,
                steps=range(first, len(self.steps)),
                tip=tip,
                config=state.config,
                author=state.author,
            )
        )

    def _base_image(self, stage: Stage) -> BaseImage | None:
        return None if stage.base == SCRATCH_NAME else self._stages.image(stage.base, stage.platform, stage.line)

    def _start(self, stage: Stage, base: BaseImage | None, base_stage: int | None) -> StageState:
        inherited = None if base_stage is None else self._states[base_stage]
        try:
            if inherited is not None:
                config = inherited_config(inherited.config)
            elif base is not None:
                config = inherited_config(base.configuration.get("config") or {})
            else:
                config = scratch_config()
        except ConfigError as error:
            raise DockerfileError(self._stages.file, stage.line, f"image {stage.base!r}: {error}") from None
        state = StageState(self._stages.file, self._escape, stage, config)
        if inherited is not None:
            # The variables of the image are set anew, so that they hide what an ARG has hidden in the stage before.
            environment = state.environment
            state.arguments = {name: value for name, value in inherited.arguments.items() if name not in environment}
            state.author = inherited.author
        elif base is not None:
            state.author = base.configuration.get("author") or ""
        return state

    def _effect(self, state: StageState, written: ParsedInstruction) -> Effect:
        match written.name:
            case "RUN":
                return plan_run(state, written, self._sources)
            case "COPY" | "ADD":
                return plan_copy(state, written, self._sources)
            case "WORKDIR":
                return plan_workdir(state, written, self._sources)
            case _:
                return CONFIG_INSTRUCTIONS[written.name](state, written)

    def _add_step(self, written: ParsedInstruction, effect: Effect, platform: Platform, tip: int | Digest) -> None:
        parent, after = (tip, None) if isinstance(tip, Digest) else (SCRATCH, tip)
        step = Step(
            platform=platform,
            parent=parent,
            context=effect.context,
            instruction=effect.instruction,
            inputs=tuple(sorted(effect.inputs)),
        )
        try:
            check_step(step)
        except Invalid as error:
            raise DockerfileError(self._stages.file, written.line, f"{written.name}: {error}") from None
        self.steps.append(
            PlannedStep(
                stage=len(self.planned),
                line=written.line,
                end_line=written.end_line,
                text=written.text,
                node=Node(step, after, inputs_pending=bool(effect.pending)),
                config_change=canonical_json(effect.change),
                waits_for=effect.pending,
                work=effect.work,
            )
        )
