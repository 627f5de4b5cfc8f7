"""HEALTHCHECK: how a running container is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamella.model import Form
from lamella.steps.durations import parse_duration
from lamella.steps.effect import Effect, instruction

if TYPE_CHECKING:
    from lamella.steps.dockerfile import ParsedInstruction
    from lamella.steps.state import StageState

_DURATIONS = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}
SHORTEST = 1_000_000
"""The shortest duration but zero, in nanoseconds: what container engines accept."""
MAX_RETRIES = (1 << 31) - 1
"""The most retries."""


def plan_healthcheck(state: StageState, written: ParsedInstruction) -> Effect:
    """Plan a HEALTHCHECK: durations are nanoseconds, as Docker keeps them.

    What is not given is null, since it must not stay what the base has, as a merge patch would let it.

    Raises:
        DockerfileError: it is neither NONE nor a CMD, or a flag's value is malformed.
    """
    kind, arguments = written.words[0].upper(), written.words[1:]
    check: dict[str, Any] = dict.fromkeys([*_DURATIONS.values(), "Retries"])
    flags: dict[str, str] = {}
    if kind == "NONE":
        if arguments:
            state.refuse(written, "NONE takes no arguments")
        check["Test"] = ["NONE"]
    elif kind == "CMD":
        if not arguments:
            state.refuse(written, "CMD needs a command")
        check["Test"] = ["CMD-SHELL" if written.form is Form.SHELL else "CMD", *arguments]
        flags = {name: written.flags.text(name) for name in (*_DURATIONS, "retries")}
        for flag, name in _DURATIONS.items():
            check[name] = _duration(state, written, flag, flags[flag])
        check["Retries"] = _retries(state, written, flags["retries"])
    else:
        state.refuse(written, f"expected CMD or NONE, not {written.words[0][:100]!r}")
    return Effect(
        instruction("HEALTHCHECK", [kind, *arguments], flags=flags, form=written.form), change={"Healthcheck": check}
    )


def _duration(state: StageState, written: ParsedInstruction, flag: str, text: str) -> int | None:
    if not text:
        return None
    try:
        nanoseconds = parse_duration(text)
    except ValueError as error:
        state.refuse(written, f"--{flag}: {error}")
    if 0 < nanoseconds < SHORTEST:
        state.refuse(written, f"--{flag} is at least 1ms, not {text!r}")
    return nanoseconds or None


def _retries(state: StageState, written: ParsedInstruction, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= MAX_RETRIES):
        state.refuse(written, f"--retries is a number up to {MAX_RETRIES}, not {text[:100]!r}")
    return int(text) or None
