"""What an instruction finds: the image configuration and the variables, as the instructions before it left them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamella.errors import DockerfileError
from lamella.steps.config import apply_change, read_environment, read_shell
from lamella.steps.expand import ExpansionError, expand_body, expand_word, expand_words
from lamella.steps.paths import join

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from lamella.steps.dockerfile import ParsedInstruction
    from lamella.steps.stages import Stage


class StageState:
    """The state of one stage between two of its instructions."""

    def __init__(self, file: str, escape: str, stage: Stage, config: Mapping[str, Any]) -> None:
        """``config`` is the ``config`` object that the stage starts with."""
        self.stage = stage
        self.config = dict(config)
        self.author = ""
        self.arguments: dict[str, str] = {}
        """The ARGs in scope, less those that a later ENV hides."""
        self.command_is_own = False
        """Whether this stage has set CMD, which ENTRYPOINT then leaves alone."""
        self._file = file
        self._escape = escape

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the image configuration."""
        return read_environment(self.config)

    @property
    def variables(self) -> dict[str, str]:
        """The variables that words are expanded with, and that RUN sees: the environment and the ARGs in scope."""
        return self.environment | self.arguments

    @property
    def user(self) -> str:
        """The user that RUN runs as, and that owns what WORKDIR makes; empty for root."""
        return self.config.get("User") or ""

    @property
    def workdir(self) -> str:
        """The working directory, an absolute path."""
        return join("/", self.config.get("WorkingDir") or "")

    @property
    def shell(self) -> tuple[str, ...]:
        """What shell forms are run with."""
        return read_shell(self.config)

    def change(self, change: Mapping[str, Any]) -> None:
        """Apply a merge patch to the configuration."""
        self.config = apply_change(self.config, change)

    def refuse(self, instruction: ParsedInstruction, reason: object) -> NoReturn:
        """Say that ``instruction`` cannot be built.

        Raises:
            DockerfileError: always.
        """
        raise DockerfileError(self._file, instruction.line, f"{instruction.name}: {reason}") from None

    def expand(self, instruction: ParsedInstruction, word: str) -> str:
        """Expand a word of ``instruction``.

        Raises:
            DockerfileError: it cannot be expanded.
        """
        try:
            return expand_word(word, self.variables, self._escape)
        except ExpansionError as error:
            self.refuse(instruction, error)

    def expand_words(self, instruction: ParsedInstruction, word: str) -> list[str]:
        """Expand a word of ``instruction`` and split it.

        Raises:
            DockerfileError: it cannot be expanded.
        """
        try:
            return expand_words(word, self.variables, self._escape)
        except ExpansionError as error:
            self.refuse(instruction, error)

    def expand_body(self, instruction: ParsedInstruction, body: str) -> str:
        """Expand the variables of a here-document of ``instruction``.

        Raises:
            DockerfileError: it cannot be expanded.
        """
        try:
            return expand_body(body, self.variables)
        except ExpansionError as error:
            self.refuse(instruction, error)
