"""The instructions that change nothing but the image configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lamella.model import ExecutionContext, Form, Input
from lamella.steps.config import canonical_json, read_triggers, write_environment
from lamella.steps.effect import SEES_NOTHING, Effect, instruction
from lamella.steps.healthcheck import plan_healthcheck
from lamella.steps.ports import parse_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lamella.steps.dockerfile import ParsedInstruction
    from lamella.steps.state import StageState

_SIGNAL = re.compile(r"(?:[1-9]\d?|(?:SIG)?(?:[A-Z][A-Z0-9]*|RTM(?:IN\+\d{1,2}|AX-\d{1,2})))\Z", re.IGNORECASE)


def _plan_env(state: StageState, written: ParsedInstruction) -> Effect:
    pairs = _expand_pairs(state, written)
    before = state.environment
    for name, _ in pairs:
        # An ENV hides an ARG of the same name; an ARG that comes after it is visible again.
        state.arguments.pop(name, None)
    return Effect(
        instruction("ENV", _flat(pairs)),
        ExecutionContext(env=tuple(before.items()), shell=()),
        {"Env": write_environment(before | dict(pairs))},
    )


def _plan_label(state: StageState, written: ParsedInstruction) -> Effect:
    pairs = _expand_pairs(state, written)
    return _stateless("LABEL", _flat(pairs), {"Labels": dict(pairs)})


def _plan_expose(state: StageState, written: ParsedInstruction) -> Effect:
    words = [expanded for word in written.words for expanded in state.expand_words(written, word)]
    try:
        ports = [port for word in words for port in parse_ports(word)]
    except ValueError as error:
        state.refuse(written, error)
    return _stateless("EXPOSE", words, {"ExposedPorts": {port: {} for port in ports}})


def _plan_volume(state: StageState, written: ParsedInstruction) -> Effect:
    paths = [state.expand(written, word).strip() for word in written.words]
    if not all(paths):
        state.refuse(written, "a path is empty")
    return _stateless("VOLUME", paths, {"Volumes": {path: {} for path in paths}})


def _plan_user(state: StageState, written: ParsedInstruction) -> Effect:
    user = state.expand(written, written.words[0])
    return _stateless("USER", [user], {"User": user or None})


def _plan_stop_signal(state: StageState, written: ParsedInstruction) -> Effect:
    signal = state.expand(written, written.words[0])
    if _SIGNAL.match(signal) is None:
        state.refuse(written, f"not a signal: {signal[:100]!r}")
    return _stateless("STOPSIGNAL", [signal], {"StopSignal": signal})


def _plan_shell(_: StageState, written: ParsedInstruction) -> Effect:
    return _stateless("SHELL", written.words, {"Shell": list(written.words)}, Form.EXEC)


def _plan_maintainer(state: StageState, written: ParsedInstruction) -> Effect:
    # The author stands beside the `config` object, which is all that a step can change.
    state.author = written.words[0]
    return _stateless("MAINTAINER", written.words, {})


def _plan_command(state: StageState, written: ParsedInstruction) -> Effect:
    state.command_is_own = True
    return _command_line(state, written, "Cmd")


def _plan_entrypoint(state: StageState, written: ParsedInstruction) -> Effect:
    # The base's CMD was meant for the base's ENTRYPOINT, so it goes; one that this stage has set stays.
    kept = state.command_is_own
    return _command_line(
        state,
        written,
        "Entrypoint",
        {} if kept else {"Cmd": None},
        (Input("config", "Cmd", "kept" if kept else "reset"),),
    )


def _plan_trigger(state: StageState, written: ParsedInstruction) -> Effect:
    before = read_triggers(state.config)
    return Effect(
        instruction("ONBUILD", [written.trigger]),
        change={"OnBuild": [*before, written.trigger]},
        inputs=(Input("config", "OnBuild", canonical_json(before)),),
    )


CONFIG_INSTRUCTIONS: dict[str, Callable[[StageState, ParsedInstruction], Effect]] = {
    "CMD": _plan_command,
    "ENTRYPOINT": _plan_entrypoint,
    "ENV": _plan_env,
    "EXPOSE": _plan_expose,
    "HEALTHCHECK": plan_healthcheck,
    "LABEL": _plan_label,
    "MAINTAINER": _plan_maintainer,
    "ONBUILD": _plan_trigger,
    "SHELL": _plan_shell,
    "STOPSIGNAL": _plan_stop_signal,
    "USER": _plan_user,
    "VOLUME": _plan_volume,
}
"""What plans each of these instructions; all raise ``DockerfileError`` where one is malformed."""


def _stateless(
    name: str, arguments: tuple[str, ...] | list[str], change: Mapping[str, Any], form: Form = Form.SHELL
) -> Effect:
    return Effect(instruction(name, arguments, form=form), change=change)


def _command_line(
    state: StageState,
    written: ParsedInstruction,
    field: str,
    change: Mapping[str, Any] | None = None,
    inputs: tuple[Input, ...] = (),
) -> Effect:
    shell = written.form is Form.SHELL
    words = [*state.shell, *written.words] if shell else list(written.words)
    return Effect(
        instruction(written.name, written.words, form=written.form),
        ExecutionContext(shell=state.shell) if shell else SEES_NOTHING,
        {field: words or None, **(change or {})},
        inputs,
    )


def _expand_pairs(state: StageState, written: ParsedInstruction) -> list[tuple[str, str]]:
    # The whole line sees the environment before it, so that `ENV a=1 b=$a` gives b the earlier a.
    words = [state.expand(written, word) for word in written.words]
    pairs = list(zip(words[::2], words[1::2], strict=True))
    for name, _ in pairs:
        if not name or (written.name == "ENV" and "=" in name):
            state.refuse(written, f"not a name: {name[:100]!r}")
    return pairs


def _flat(pairs: list[tuple[str, str]]) -> list[str]:
    return [text for pair in pairs for text in pair]
