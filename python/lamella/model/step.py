"""One Dockerfile instruction applied to a parent, and what running it gave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamella.model.descriptor import Layer
    from lamella.model.digest import Digest
    from lamella.model.platform import Platform


class Form(StrEnum):
    """How an instruction's arguments were written."""

    SHELL = "shell"
    EXEC = "exec"


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document attached to an instruction: its name, and its body as the instruction uses it.

    That is after tab stripping and expansion, except where a shell is to do both (``docs/step-key.md``).
    """

    name: str
    body: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction after the expansion that Docker does for it.

    ``name`` is upper case; ``flags`` are ``(name, value)`` in the order of their bytes, a flag without a value has
    the value ``""``; ``arguments`` are expanded words (RUN, CMD and ENTRYPOINT in shell form have exactly one).
    """

    name: str
    arguments: tuple[str, ...] = ()
    flags: tuple[tuple[str, str], ...] = ()
    form: Form = Form.SHELL
    heredocs: tuple[Heredoc, ...] = ()


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """The part of the image configuration that a step can see; the rest (labels, CMD ...) must not bust it.

    ``env`` keeps its order and has each name once; ``workdir`` is absolute, ``/`` where none is set. What an
    instruction does not read is left empty (``docs/step-key.md`` has the table).
    """

    env: tuple[tuple[str, str], ...] = ()
    user: str = ""
    workdir: str = "/"
    shell: tuple[str, ...] = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True, order=True)
class Input:
    """Something besides parent, context and instruction that the result depends on.

    ``kind`` and ``name`` identify it (``arg`` ``VERSION``; ``content`` ``app/``; ``mount`` ``/root/.cache``), ``value``
    is what it is now: text, or a digest's text form. No two inputs of a step share kind and name.
    """

    kind: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Step:
    """Everything that a step's key is made of; see ``docs/step-key.md``.

    ``parent`` is the chain ID of the parent's file system. ``inputs`` are in the order of their bytes.
    """

    platform: Platform
    parent: Digest
    context: ExecutionContext
    instruction: Instruction
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True)
class StepResult:
    """What running a step gave.

    ``layer`` is None where the step changes no file. ``config_change`` is a JSON Merge Patch (RFC 7396) on the
    ``config`` object of the OCI image configuration, ``{}`` where the step changes none. ``seconds`` is how long the
    step took, ``builder`` who ran it, ``created`` when, in seconds since the epoch.
    """

    layer: Layer | None = None
    config_change: str = "{}"
    seconds: float = 0.0
    builder: str = ""
    created: float = 0.0
