"""RUN: the command line, what is mounted, and every argument that the command can see."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from lamella.model import ExecutionContext, Form, Heredoc, Input
from lamella.steps.config import canonical_json
from lamella.steps.effect import Effect, PendingInput, instruction
from lamella.steps.heredoc import parse_heredoc_token, strip_tabs
from lamella.steps.mounts import Mount, MountError, parse_mount
from lamella.steps.paths import literal, relative
from lamella.steps.work import RunWork, Selection

if TYPE_CHECKING:
    from lamella.steps.dockerfile import ParsedInstruction
    from lamella.steps.sources import Sources
    from lamella.steps.state import StageState

SCRIPT_FOLDER = "/dev/pipes"
"""Where a here-document that starts with ``#!`` is put while it runs, as BuildKit does."""

_NETWORKS = frozenset({"default", "none", "host"})
_SECURITIES = frozenset({"sandbox", "insecure"})


def plan_run(state: StageState, written: ParsedInstruction, sources: Sources) -> Effect:
    """Plan a RUN; variables in its command are the shell's business, those in its mounts are expanded here.

    Raises:
        DockerfileError: a flag or a mount is malformed, or what a mount shows does not exist.
    """
    network = written.flags.text("network").lower() or "default"
    if network not in _NETWORKS:
        state.refuse(written, f"--network is default, none or host, not {network!r}")
    security = written.flags.text("security").lower() or "sandbox"
    if security not in _SECURITIES:
        state.refuse(written, f"--security is sandbox or insecure, not {security!r}")
    shell = state.shell if written.form is Form.SHELL else ()
    command, script, heredocs = _command(written)
    mounts = [_mount(state, written, text) for text in written.flags.list("mount")]
    contents = [_mount_content(state, written, sources, place, mount) for place, mount in enumerate(mounts)]
    return Effect(
        instruction(
            "RUN",
            written.words,
            flags={
                "network": None if network == "default" else network,
                "security": None if security == "sandbox" else security,
            },
            form=written.form,
            heredocs=heredocs,
        ),
        ExecutionContext(tuple(state.environment.items()), state.user, state.workdir, shell),
        inputs=(
            *(Input("arg", name, value) for name, value in state.arguments.items()),
            *(Input("mount", f"{place} {mount.target}", _parameters(mount)) for place, mount in enumerate(mounts)),
            *(found for found in contents if isinstance(found, Input)),
            *sources.layer_inputs(),
        ),
        pending=tuple(found for found in contents if isinstance(found, PendingInput)),
        work=RunWork(
            (*shell, *command),
            state.variables,
            state.user,
            state.workdir,
            tuple(mounts),
            script,
            network,
            security,
        ),
    )


def _command(written: ParsedInstruction) -> tuple[tuple[str, ...], Heredoc | None, tuple[Heredoc, ...]]:
    """Return the command, less its shell; the script it runs, if any; and the here-documents as the key has them."""
    if not written.heredocs:
        return written.words, None, ()
    token = parse_heredoc_token(written.words[0])
    if token is None:
        # Here-documents within a command line are the shell's own, so it gets them as they were written.
        bodies = "".join(f"\n{heredoc.body}{heredoc.name}" for heredoc in written.heredocs)
        return (written.words[0] + bodies,), None, tuple(Heredoc(each.name, each.body) for each in written.heredocs)
    body = written.heredocs[0].body
    heredoc = Heredoc(token.name, strip_tabs(body) if token.strips_tabs else body)
    if heredoc.body.startswith("#!"):
        return (f"{SCRIPT_FOLDER}/{heredoc.name}",), heredoc, (heredoc,)
    return (heredoc.body,), None, (heredoc,)


def _mount(state: StageState, written: ParsedInstruction, text: str) -> Mount:
    try:
        return parse_mount(text, state.workdir, lambda value: state.expand(written, value))
    except MountError as error:
        state.refuse(written, error)


def _mount_content(
    state: StageState, written: ParsedInstruction, sources: Sources, place: int, mount: Mount
) -> Input | PendingInput | None:
    if not mount.has_content:
        return None
    origin = sources.origin(state, written, mount.origin)
    selection = Selection(literal(relative(mount.source)))
    return sources.content(state, written, f"{place} {mount.target}", origin, selection)


def _parameters(mount: Mount) -> str:
    """Return what a mount is, less its content and its target, which are inputs of their own."""
    left_out = {"target", "origin", *(("source",) if mount.has_content else ())}
    values = {field.name: getattr(mount, field.name) for field in fields(mount) if field.name not in left_out}
    return canonical_json({name: value for name, value in values.items() if value not in {None, "", False, "/"}})
