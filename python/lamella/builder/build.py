"""Builds a Dockerfile: takes what the cache has, builds the rest, and gives that to the cache."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lamella import _core
from lamella.builder.file_systems import FileSystems
from lamella.builder.image import image_of
from lamella.builder.layer_files import LayerFiles
from lamella.builder.layer_maker import LayerMaker
from lamella.builder.report import Outcome
from lamella.builder.request import refuse_what_cannot_be_built
from lamella.builder.selection import select_from_tree
from lamella.client import Blob, ClientError, Missing, ServerFailed
from lamella.errors import DockerfileError, LamellaError
from lamella.model import SCRATCH, Digest, StepResult
from lamella.steps.key import step_key
from lamella.steps.resolve import Node, Status, chain_after
from lamella.steps.work import CopyWork, FromContext, FromImage, FromStage, Selection, WorkdirWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lamella._core import Entry
    from lamella.builder.report import Reporter
    from lamella.builder.request import PlannedBuild
    from lamella.client import AsyncClient
    from lamella.layers.image import Image
    from lamella.layers.tree import FileTree
    from lamella.model import Layer, Step
    from lamella.steps.plan import PlannedStep
    from lamella.steps.work import BaseImage, Origin, Source


@dataclass(slots=True)
class _State:
    """How far a step is: ``status`` is unknown until the cache was asked, ``outcome`` None until there is a result."""

    step: PlannedStep
    status: Status = Status.UNKNOWN
    outcome: Outcome | None = None
    chain_id: Digest | None = None


class Build:
    """One build, with its files in ``folder``, an empty one that must outlast it.

    Without ``use_cache`` nothing is taken from the cache, but results are still given to it.
    """

    def __init__(
        self, planned: PlannedBuild, client: AsyncClient, folder: Path, reporter: Reporter, *, use_cache: bool = True
    ) -> None:
        refuse_what_cannot_be_built(planned.plan)
        self._plan = planned.plan
        self._context = planned.context
        self._images = planned.images
        self._client = client
        self._folder = folder
        self._reporter = reporter
        self._use_cache = use_cache
        self._states = [_State(step) for step in planned.plan.steps]
        self._missing: set[Digest] = set()
        self._files = LayerFiles(folder, self._fetch)
        self._systems = FileSystems(self._files)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """How the steps went that are done, in the order of the plan."""
        return tuple(state.outcome for state in self._states if state.outcome is not None)

    async def run(self) -> Image:
        """Build every step of the plan that has no result yet, and return the image of its target.

        Raises:
            DockerfileError: a step cannot be built; those that were built before it are in the cache.
            Missing: a layer has gone from the server; see ``forget_missing``.
            ClientError: the server cannot be reached, or refuses a result.
        """
        while any(state.outcome is None for state in self._states):
            await self._find_inputs()
            await self._look_up()
            await self._build_ready()
        base = self._plan.target.base
        base_layers = self._images.layers(base) if base is not None else ()
        return image_of(self._plan, [outcome.result for outcome in self.outcomes], base_layers)

    def forget_missing(self) -> bool:
        """Let ``run`` build the steps whose hits were in vain, since their layers turned out to be missing.

        What was built upon their results, or found to be, is looked up again. False where there is no such step: to
        run once more would end as before.
        """
        missing, self._missing = self._missing, set()
        forgotten: set[int] = set()
        for place, state in enumerate(self._states):
            planned = self._plan.steps[place]
            origins = [pending.origin for pending in planned.waits_for]
            tips = [self._plan.stages[origin.stage].tip for origin in origins if isinstance(origin, FromStage)]
            is_above = not forgotten.isdisjoint({planned.node.after, *tips})
            if not is_above and not _is_hit_without(state.outcome, missing):
                continue
            if state.outcome is not None:
                self._reporter.undone(state.outcome)
            # The cache is not asked for a step that it could not give: it would cost nothing, but might never end.
            status, step = (Status.UNKNOWN, planned) if is_above else (Status.MISS, state.step)
            self._states[place] = _State(step, status)
            forgotten.add(place)
        return bool(forgotten)

    async def layer_file(self, layer: Layer) -> Path:
        """Return a file that holds a layer of the image as it is stored; fetches it where it is not here yet.

        Raises:
            Missing: it has gone from the server; see ``forget_missing``.
            ClientError: it cannot be fetched.
            LayoutError, DigestMismatch, SizeMismatch: it is of the base image, and not what it should be.
        """
        return await self._files.stored(layer)

    async def _find_inputs(self) -> None:
        """Fill in the content that steps wait for, where the stages are complete that they copy it from."""
        for state in self._states:
            origins = [pending.origin for pending in state.step.waits_for]
            if origins and all(self._is_complete(origin) for origin in origins):
                contents = []
                for pending in state.step.waits_for:
                    tree = await self._origin_tree(pending.origin)
                    with _blame(self._plan.file, state.step):
                        entries = await asyncio.to_thread(select_from_tree, tree, pending.selection)
                        contents.append(Digest(_core.tree_digest(entries)))
                state.step = state.step.with_inputs(contents)

    async def _look_up(self) -> None:
        """Ask the cache for every step whose answer is not known, in one call."""
        asked = self._unknown()
        if not self._use_cache:
            for state, node in asked:
                if node.after is None:
                    state.status = Status.MISS
        elif asked:
            answers = await self._client.resolve([node for _, node in asked])
            for (state, node), answer in zip(asked, answers, strict=True):
                if answer.status is Status.UNKNOWN and node.after is None:
                    raise ServerFailed(self._client.address, f"the server cannot tell about line {state.step.line}")
                state.status = answer.status
                if answer.result is not None:
                    self._finish(state, answer.result, hit=True, seconds=0.0)

    def _unknown(self) -> list[tuple[_State, Node]]:
        """Return the steps to ask the cache for: all whose inputs are known, and that are not above one to be built."""
        asked: list[tuple[_State, Node]] = []
        places: dict[int, int] = {}
        for place, state in enumerate(self._states):
            node = state.step.node
            if state.status is not Status.UNKNOWN or node.inputs_pending:
                continue
            parent = self._parent(state)
            if parent is not None:
                node = replace(node, step=replace(node.step, parent=parent), after=None)
            elif node.after in places:
                node = replace(node, after=places[node.after])
            else:
                continue
            places[place] = len(asked)
            asked.append((state, node))
        return asked

    async def _build_ready(self) -> None:
        """Build every miss whose parent is there, side by side; where one fails the others are still finished."""
        ready = [
            state
            for state in self._states
            if state.status is Status.MISS and state.outcome is None and self._parent(state) is not None
        ]
        for failure in await asyncio.gather(*(self._build(state) for state in ready), return_exceptions=True):
            if failure is not None:
                raise failure

    async def _build(self, state: _State) -> None:
        self._reporter.started(state.step)
        begin = time.monotonic()
        step = self._complete_step(state)
        layer = await self._make_layer(state)
        result = StepResult(
            layer=layer,
            config_change=state.step.config_change,
            seconds=time.monotonic() - begin,
            builder=self._client.builder,
            created=time.time(),
        )
        if layer is not None:
            path = await self._files.stored(layer)
            blob = Blob(layer.descriptor.digest, layer.descriptor.size, path)
            await self._client.upload([blob], self._reporter.transferred)
        committed = await self._client.commit(step, step_key(step), result)
        # Of builders that raced all go on with the first result; without the cache nobody else's is wanted.
        kept = committed.result if self._use_cache else result
        self._finish(state, kept, hit=False, seconds=time.monotonic() - begin)

    async def _make_layer(self, state: _State) -> Layer | None:
        work = state.step.work
        if not isinstance(work, (CopyWork, WorkdirWork)):
            return None
        below = self._layers(state.step.node.after, self._plan.stages[state.step.stage].base)
        parent = await self._systems.tree(("stage", state.step.stage), below)
        select: Callable[[Selection], list[Entry]] = self._context.entries
        if isinstance(work, CopyWork) and not isinstance(work.origin, FromContext):
            select = partial(select_from_tree, await self._origin_tree(work.origin))
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        with _blame(self._plan.file, state.step):
            if isinstance(work, CopyWork) and work.unpack:
                work = replace(work, sources=await asyncio.to_thread(self._matched, work.sources))
            made = await asyncio.to_thread(LayerMaker(parent, folder, self._plan.layer_time, select).make, work)
        if made is None:
            return None
        layer, path = made
        self._files.add(layer, path)
        return layer

    def _matched(self, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        """Take wildcards apart: of what they match, archives are unpacked, but not those within folders."""
        matched: list[Source] = []
        for source in sources:
            matched += self._context.each_match(source) if isinstance(source, Selection) else [source]
        return tuple(matched)

    def _finish(self, state: _State, result: StepResult, *, hit: bool, seconds: float) -> None:
        step = self._complete_step(state)
        state.chain_id = chain_after(step.parent, result)
        state.outcome = Outcome(state.step, hit, step_key(step), result, seconds)
        self._reporter.done(state.outcome)

    def _parent(self, state: _State) -> Digest | None:
        """Return the chain ID of the file system that a step is applied to, None while it is not known."""
        node = state.step.node
        return node.step.parent if node.after is None else self._states[node.after].chain_id

    def _complete_step(self, state: _State) -> Step:
        return replace(state.step.node.step, parent=self._parent(state) or SCRATCH)

    def _layers(self, tip: int | Digest | None, base: BaseImage | None) -> tuple[Layer, ...]:
        """Return the layers below and of the step ``tip``, lowest first; those of the base where it is no step."""
        layers: list[Layer] = []
        while isinstance(tip, int):
            state = self._states[tip]
            if state.outcome is not None and state.outcome.result.layer is not None:
                layers.append(state.outcome.result.layer)
            tip = state.step.node.after
        return (*(self._images.layers(base) if base is not None else ()), *reversed(layers))

    def _is_complete(self, origin: Origin) -> bool:
        if not isinstance(origin, FromStage):
            return True
        tip = self._plan.stages[origin.stage].tip
        return isinstance(tip, Digest) or self._states[tip].outcome is not None

    async def _origin_tree(self, origin: FromStage | FromImage) -> FileTree:
        if isinstance(origin, FromStage):
            stage = self._plan.stages[origin.stage]
            return await self._systems.tree(("origin", origin.stage), self._layers(stage.tip, stage.base))
        owner = ("image", origin.image.reference, origin.image.platform)
        return await self._systems.tree(owner, self._images.layers(origin.image))

    async def _fetch(self, layer: Layer) -> Path:
        known = await asyncio.to_thread(self._images.layer_path, layer)
        if known is not None:
            return known
        path = self._folder / layer.descriptor.digest.hex
        try:
            await self._client.download(
                layer.descriptor.digest, layer.descriptor.size, path, self._reporter.transferred
            )
        except Missing:
            self._missing.add(layer.descriptor.digest)
            raise
        return path


def _is_hit_without(outcome: Outcome | None, missing: set[Digest]) -> bool:
    layer = outcome.result.layer if outcome is not None and outcome.hit else None
    return layer is not None and layer.descriptor.digest in missing


@contextmanager
def _blame(file: str, step: PlannedStep) -> Iterator[None]:
    """Give what a step's work raises the line of the step."""
    try:
        yield
    except ClientError:
        raise
    except (LamellaError, _core.LayerError, _core.PatternError, _core.ContentChanged, FileNotFoundError) as error:
        name = step.node.step.instruction.name
        raise DockerfileError(file, step.line, f"{name}: {error}") from error
