"""Build arguments: ARG, ``--build-arg``, and those that are there of themselves.

Source: Dockerfile reference, "ARG", "Predefined ARGs", "Automatic platform ARGs in the global scope".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import DockerfileError
from lamella.steps.expand import ExpansionError, expand_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lamella.model import Platform
    from lamella.steps.dockerfile import ParsedInstruction

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
PREDEFINED = frozenset({*_PROXIES, *(name.lower() for name in _PROXIES)})
"""The arguments that a RUN sees without declaring them, and is not keyed by unless it does."""
SOURCE_DATE_EPOCH = "SOURCE_DATE_EPOCH"
"""The argument that sets the time of everything in the layers, in seconds since the epoch."""

MAX_LAYER_TIME = (1 << 33) - 1
"""The latest time that a tar header can hold, in seconds since the epoch (the year 2242)."""


class Arguments:
    """The arguments of a build: what was given, and the global scope, that of the ARGs before the first FROM."""

    def __init__(self, file: str, escape: str, given: Mapping[str, str], automatic: Mapping[str, str]) -> None:
        """``given`` are the values of ``--build-arg``, ``automatic`` the global ones that none declares."""
        self.given = dict(given)
        self.scope = {**automatic, **{name: given[name] for name in automatic if name in given}}
        self.declared: set[str] = set()
        self._file = file
        self._escape = escape

    def declare_global(self, instruction: ParsedInstruction) -> None:
        """Take an ARG that stands before the first FROM.

        Raises:
            DockerfileError: a default value cannot be expanded.
        """
        for name, default in self._names(instruction):
            value = self._value(instruction, name, default, self.scope)
            if value is not None:
                self.scope[name] = value

    def declare(self, instruction: ParsedInstruction, visible: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the arguments that an ARG in a stage gives a value, adding each to the ``visible`` variables.

        Raises:
            DockerfileError: a default value cannot be expanded.
        """
        for name, default in self._names(instruction):
            value = self._value(instruction, name, default, visible)
            if value is None:
                value = self.scope.get(name)
            if value is not None:
                visible[name] = value
                yield name, value

    def note_declared(self, instructions: Iterable[ParsedInstruction]) -> None:
        """Take the names that the ARGs among ``instructions`` declare, whether or not they are built."""
        for instruction in instructions:
            if instruction.name == "ARG":
                self.declared |= {word.partition("=")[0] for word in instruction.words}

    def unused(self) -> list[str]:
        """Return the names that were given but that nothing declares or predefines, in order."""
        known = self.declared | PREDEFINED | self.scope.keys() | {SOURCE_DATE_EPOCH}
        return sorted(name for name in self.given if name not in known and not name.startswith("BUILDKIT_"))

    @property
    def proxies(self) -> dict[str, str]:
        """The predefined arguments that were given."""
        return {name: value for name, value in self.given.items() if name in PREDEFINED}

    def layer_time(self) -> int:
        """Return the time of everything in the layers, in seconds since the epoch; 0 where none is given.

        Raises:
            DockerfileError: ``SOURCE_DATE_EPOCH`` is not such a number.
        """
        text = self.given.get(SOURCE_DATE_EPOCH, self.scope.get(SOURCE_DATE_EPOCH)) or "0"
        if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= MAX_LAYER_TIME):
            reason = f"SOURCE_DATE_EPOCH is a number of seconds up to {MAX_LAYER_TIME}, not {text[:100]!r}"
            raise DockerfileError(self._file, 1, reason)
        return int(text)

    def _names(self, instruction: ParsedInstruction) -> Iterator[tuple[str, str | None]]:
        for word in instruction.words:
            name, equals, default = word.partition("=")
            if not name:
                raise DockerfileError(self._file, instruction.line, f"ARG without a name: {word!r}")
            self.declared.add(name)
            yield name, default if equals else None

    def _value(
        self, instruction: ParsedInstruction, name: str, default: str | None, variables: Mapping[str, str]
    ) -> str | None:
        if name in self.given:
            return self.given[name]
        if default is None:
            return None
        try:
            return expand_word(default, variables, self._escape)
        except ExpansionError as error:
            raise DockerfileError(self._file, instruction.line, f"ARG {name}: {error}") from None


def automatic_arguments(target: Platform, build: Platform, stage: str) -> dict[str, str]:
    """Return the global arguments that describe the platforms and the target stage (``default`` without a name)."""
    arguments = {"TARGETSTAGE": stage or "default"}
    for prefix, platform in (("TARGET", target), ("BUILD", build)):
        arguments |= {
            f"{prefix}PLATFORM": str(platform),
            f"{prefix}OS": platform.os,
            f"{prefix}OSVERSION": "",
            f"{prefix}ARCH": platform.architecture,
            f"{prefix}VARIANT": platform.variant,
        }
    return arguments
