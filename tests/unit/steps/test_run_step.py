"""RUN: command lines, here-documents, arguments and mounts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lamella.errors import DockerfileError
from lamella.model import Digest, ExecutionContext, Form, Heredoc
from lamella.steps.key import step_key
from lamella.steps.mounts import Mount, MountType
from lamella.steps.work import FromStage, RunWork, Selection
from tests.unit.steps.support import PATH, Context, Images, inputs, last, plan

if TYPE_CHECKING:
    from lamella.steps.plan import PlannedStep

_SHELL = ("/bin/sh", "-c")
_ENV = ("PATH", PATH[5:])


def _work(step: PlannedStep) -> RunWork:
    assert isinstance(step.work, RunWork)
    return step.work


@pytest.mark.parametrize(
    ("text", "arguments", "command", "heredocs"),
    [
        ("RUN echo  $X 'a'", ("echo  $X 'a'",), (*_SHELL, "echo  $X 'a'"), ()),
        ('RUN ["a", "$X"]', ("a", "$X"), ("a", "$X"), ()),
        ('SHELL ["b", "-x"]\nRUN a', ("a",), ("b", "-x", "a"), ()),
        ("RUN a \\\n  # c\n  b", ("a   b",), (*_SHELL, "a   b"), ()),
        ("RUN <<E\na $X\nE", ("<<E",), (*_SHELL, "a $X\n"), (Heredoc("E", "a $X\n"),)),
        ('RUN <<-"E"\n\ta \\\n\tb\n\tE', ('<<-"E"',), (*_SHELL, "a \\\nb\n"), (Heredoc("E", "a \\\nb\n"),)),
        ("RUN cat <<A > x\n$X\nA", ("cat <<A > x",), (*_SHELL, "cat <<A > x\n$X\nA"), (Heredoc("A", "$X\n"),)),
        (
            "RUN cat <<A <<-B\n1\nA\n\t2\n\tB",
            ("cat <<A <<-B",),
            (*_SHELL, "cat <<A <<-B\n1\nA\n\t2\nB"),
            (Heredoc("A", "1\n"), Heredoc("B", "\t2\n")),
        ),
    ],
)
def test_a_command_is_what_docker_would_run(
    text: str, arguments: tuple[str, ...], command: tuple[str, ...], heredocs: tuple[Heredoc, ...]
) -> None:
    step = last(text)
    assert step.node.step.instruction.arguments == arguments
    assert step.node.step.instruction.heredocs == heredocs
    assert _work(step).command == command
    assert _work(step).script is None


def test_a_here_document_with_a_shebang_is_a_script() -> None:
    step = last("RUN <<run.py\n#!/usr/bin/python3\nprint()\nrun.py\n")
    assert _work(step).command == (*_SHELL, "/dev/pipes/run.py")
    assert _work(step).script == Heredoc("run.py", "#!/usr/bin/python3\nprint()\n")


def test_a_shell_form_sees_everything_and_an_exec_form_no_shell() -> None:
    before = 'SHELL ["s"]\nUSER u\nWORKDIR /w\nENV A=1\nLABEL a=b\n'
    assert last(f"{before}RUN x").node.step.context == ExecutionContext((_ENV, ("A", "1")), "u", "/w", ("s",))
    step = last(f'{before}RUN ["x"]').node.step
    assert step.context == ExecutionContext((_ENV, ("A", "1")), "u", "/w", ())
    assert step.instruction.form is Form.EXEC


@pytest.mark.parametrize("change", ["LABEL a=b", "CMD x", "ENTRYPOINT x", "EXPOSE 1", "VOLUME /v", "STOPSIGNAL 9"])
def test_what_a_command_cannot_see_does_not_bust_it(change: str) -> None:
    assert last(f"{change}\nRUN x").node == last("RUN x").node


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("ARG A=1\nARG B", {("arg", "A"): "1"}),
        ("ARG A=", {("arg", "A"): ""}),
        ("ARG HTTP_PROXY", {("arg", "HTTP_PROXY"): "p"}),
        ("", {}),
        ("ARG A=1\nENV A=2", {}),
        ("ENV A=2\nARG A=1", {("arg", "A"): "1"}),
        ("ARG A=1\nARG A=2", {("arg", "A"): "2"}),
        ("ARG TARGETARCH", {("arg", "TARGETARCH"): "amd64"}),
    ],
)
def test_arguments_are_inputs_where_the_command_sees_them(before: str, expected: dict[tuple[str, str], str]) -> None:
    planned = plan(f"FROM base\n{before}\nRUN x\n", build_arguments={"HTTP_PROXY": "p"})
    step = planned.steps[-1]
    assert inputs(step) == expected
    visible = {name: value for (_, name), value in expected.items()}
    assert _work(step).environment == dict(step.node.step.context.env) | visible
    assert planned.proxies == {"HTTP_PROXY": "p"}


def test_network_and_security_are_flags_unless_they_are_the_defaults() -> None:
    step = last("RUN --network=none --security=insecure x")
    assert step.node.step.instruction.flags == (("network", "none"), ("security", "insecure"))
    assert (_work(step).network, _work(step).security) == ("none", "insecure")
    assert last("RUN --network=default --security=sandbox x").node == last("RUN x").node


@pytest.mark.parametrize(
    ("text", "mount", "parameters"),
    [
        (
            "type=cache,target=/c",
            Mount(MountType.CACHE, "/c", "/", id="/c", sharing="shared", mode=0o755, uid=0, gid=0),
            {"type": "cache", "id": "/c", "sharing": "shared", "mode": 0o755},
        ),
        (
            "type=cache,dst=c,id=x,sharing=LOCKED,mode=0700,uid=1,gid=2,ro,source=s",
            Mount(MountType.CACHE, "/w/c", "/s", "", True, "x", "locked", mode=0o700, uid=1, gid=2),
            {
                "type": "cache", "id": "x", "sharing": "locked", "mode": 0o700, "uid": 1, "gid": 2, "read_only": True,
                "source": "/s",
            },
        ),
        (
            "type=tmpfs,destination=/t,size=64m",
            Mount(MountType.TMPFS, "/t", size=64 << 20),
            {"type": "tmpfs", "size": 64 << 20},
        ),
        (
            "type=secret,id=token",
            Mount(MountType.SECRET, "/run/secrets/token", read_only=True, id="token", mode=0o400, uid=0, gid=0),
            {"type": "secret", "id": "token", "mode": 0o400, "read_only": True},
        ),
        (
            "type=secret,id=token,env=TOKEN,required",
            Mount(
                MountType.SECRET, "", read_only=True, id="token", required=True, env="TOKEN", mode=0o400, uid=0, gid=0
            ),
            {"type": "secret", "id": "token", "env": "TOKEN", "required": True, "mode": 0o400, "read_only": True},
        ),
        (
            "type=secret,target=/s/key,required=false",
            Mount(MountType.SECRET, "/s/key", read_only=True, id="key", mode=0o400, uid=0, gid=0),
            {"type": "secret", "id": "key", "mode": 0o400, "read_only": True},
        ),
        (
            "type=ssh",
            Mount(MountType.SSH, "", id="default", mode=0o600, uid=0, gid=0),
            {"type": "ssh", "id": "default", "mode": 0o600},
        ),
    ],
)  # fmt: skip
def test_mounts_are_inputs_by_their_parameters(text: str, mount: Mount, parameters: dict[str, object]) -> None:
    step = last(f"WORKDIR /w\nRUN --mount={text} x")
    assert _work(step).mounts == (mount,)
    assert {name: json.loads(value) for name, value in inputs(step).items()} == {
        ("mount", f"0 {mount.target}"): parameters
    }
    assert not step.waits_for


@pytest.mark.parametrize(
    ("text", "mount", "selection"),
    [
        ("target=/t", Mount(MountType.BIND, "/t", "/", read_only=True), Selection(".")),
        ("type=bind,target=t,source=a,rw", Mount(MountType.BIND, "/w/t", "/a"), Selection("a")),
        ("src=./a/../b*,target=", Mount(MountType.BIND, "/w", "/b*", read_only=True), Selection("b[*]")),
        ("target=/t,source=a[1]?", Mount(MountType.BIND, "/t", "/a[1]?", read_only=True), Selection("a[[]1][?]")),
        ("target=/t,readwrite=false", Mount(MountType.BIND, "/t", "/", read_only=True), Selection(".")),
    ],
)
def test_what_a_bind_mount_shows_is_an_input(text: str, mount: Mount, selection: Selection) -> None:
    context = Context()
    step = last(f"WORKDIR /w\nRUN --mount={text} x", context=context)
    assert _work(step).mounts == (mount,)
    assert context.asked == [selection]
    assert inputs(step)["content", f"0 {mount.target}"] == str(Context().digest(selection))
    changed = last(f"WORKDIR /w\nRUN --mount={text} x", context=Context({selection.source: "changed"}))
    assert step_key(changed.node.step) != step_key(step.node.step)


def test_what_a_mount_shows_of_a_stage_is_waited_for() -> None:
    text = (
        "FROM a AS one\nRUN x\nFROM b\n"
        "RUN --mount=type=tmpfs,target=/t --mount=from=one,target=/o,source=/x --mount=type=cache,from=0,target=/c y\n"
    )
    step = last(text)
    assert [(pending.name, pending.origin, pending.selection) for pending in step.waits_for] == [
        ("1 /o", FromStage(0), Selection("x")),
        ("2 /c", FromStage(0), Selection(".")),
    ]
    found = inputs(step.with_inputs([Digest.of(b"1"), Digest.of(b"2")]))
    assert found["content", "1 /o"] == str(Digest.of(b"1"))
    assert found["mount", "1 /o"] == '{"read_only":true,"type":"bind"}', "neither the stage's name nor the path"


def test_two_mounts_on_one_target_and_their_order_are_kept_apart() -> None:
    one = last("RUN --mount=type=tmpfs,target=/t --mount=type=cache,target=/t/c x")
    two = last("RUN --mount=type=cache,target=/t/c --mount=type=tmpfs,target=/t x")
    both = last("RUN --mount=type=tmpfs,target=/t --mount=type=tmpfs,target=/t x")
    assert len({step_key(step.node.step) for step in (one, two, both)}) == 3


def test_variables_in_mounts_are_expanded_and_spelling_is_not_in_the_key() -> None:
    step = last("ENV V=1\nRUN --mount=type=cache,id=go-$V,target=/c x")
    assert _work(step).mounts[0].id == "go-1"
    written = last("ENV V=1\nRUN --mount=dst=/c,TYPE=cache,id=go-1,ro=false x")
    assert written.node == step.node


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("--mount=type=nfs,target=/x", "unknown mount type"),
        ("--mount=type=cache,color=red", "unknown mount option 'color'"),
        ("--mount=type=cache,target", "needs a value"),
        ("--mount=target=/", "mounted on /"),
        ("--mount=type=tmpfs,target=/t,from=x", "no option 'from'"),
        ("--mount=type=bind,target=/t,id=x", "no option 'id'"),
        ("--mount=type=bind,target=/t,mode=1", "no option 'mode'"),
        ("--mount=type=cache,target=/t,required", "no option 'required'"),
        ("--mount=type=cache,target=/t,sharing=none", "sharing"),
        ("--mount=type=cache,target=/t,mode=9", "octal"),
        ("--mount=type=cache,target=/t,uid=-1", "number"),
        ("--mount=type=cache,target=/t,gid=99999999999", "number"),
        ("--mount=type=cache,target=/t,gid=" + "9" * 5000, "number"),
        ("--mount=type=tmpfs,target=/t,size=big", "number of bytes"),
        ("--mount=type=tmpfs,target=/t,size=" + "9" * 5000, "number of bytes"),
        ("--mount=type=secret", "id or a target"),
        ("--mount=type=secret,id=a,source=b", "not both"),
        ("--mount=type=ssh,source=b", "no option 'source'"),
        ("--mount=target=/t,ro=maybe", "true or false"),
        ("--mount=from=$x,target=/t", "not expanded in from"),
        ("--mount=target=/t,source=missing", "nothing matches"),
        ("--mount=from=missing,target=/t", "--build-context"),
        ("--network=bridge", "--network"),
        ("--security=none", "--security"),
        ("--device=x", "no flag --device"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        last(f"RUN {text} x", images=Images())
    assert caught.value.line == 2
    assert reason in caught.value.reason
