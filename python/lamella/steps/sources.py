"""What instructions read besides their own text: the build context, other stages, images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lamella.model import Input
from lamella.steps.effect import PendingInput
from lamella.steps.work import FromContext, FromImage, FromStage, Origin

if TYPE_CHECKING:
    from lamella.model import Platform
    from lamella.steps.dockerfile import ParsedInstruction
    from lamella.steps.stages import Stages
    from lamella.steps.state import StageState
    from lamella.steps.work import ContextFiles, Selection


@dataclass(frozen=True, slots=True)
class Sources:
    """Finds files. ``places`` says where in the plan a stage is, by its place in the Dockerfile.

    ``platform`` is what the build is for: as in BuildKit, images that files are copied from are for it, whatever the
    platform of the stage that copies.
    """

    stages: Stages
    context: ContextFiles
    platform: Platform
    layer_time: int = 0
    places: dict[int, int] = field(default_factory=dict)

    def origin(self, state: StageState, instruction: ParsedInstruction, name: str) -> Origin:
        """Return where the files come from that ``name`` says: a stage, its number or an image; empty: the context.

        Raises:
            DockerfileError: the stage does not come before this one, or the image cannot be had.
        """
        if not name:
            return FromContext()
        stage = self.stages.source(name, state.stage, instruction.line)
        if stage is not None:
            return FromStage(self.places[stage.index])
        return FromImage(self.stages.image(name, self.platform, instruction.line))

    def content(
        self,
        state: StageState,
        instruction: ParsedInstruction,
        name: str,
        origin: Origin,
        selection: Selection,
        *,
        apart: bool = False,
    ) -> Input | PendingInput:
        """Return the input that says what ``selection`` holds: its digest, or where to take it from later.

        ``apart`` is that of ``ContextFiles.digest``: only the build context holds what is unpacked.

        Raises:
            DockerfileError: the build context has nothing that matches, or it cannot be read.
        """
        if not isinstance(origin, FromContext):
            return PendingInput(name, origin, selection)
        try:
            digest = self.context.digest(selection, apart=apart)
        except (OSError, ValueError) as error:
            state.refuse(instruction, error)
        return Input("content", name, str(digest))

    def layer_inputs(self) -> tuple[Input, ...]:
        """Return the input of every step that makes a layer: the time of its entries, where it is not the default."""
        return (Input("layer", "mtime", str(self.layer_time)),) if self.layer_time else ()
