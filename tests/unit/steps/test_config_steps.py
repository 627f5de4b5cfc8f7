"""The instructions that change the configuration: what they change, and what they read."""

from __future__ import annotations

from typing import Any

import pytest

from lamella.errors import DockerfileError
from lamella.model import ExecutionContext, Form
from lamella.steps.config import apply_change, canonical_json
from lamella.steps.effect import SEES_NOTHING
from tests.unit.steps.support import PATH, Images, change, inputs, last, plan

_SHELL_ONLY = ExecutionContext(shell=("/bin/sh", "-c"))


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("ENV A=1", ("A", "1"), {"Env": [PATH, "A=1"]}),
        ("ENV A 1 2 ", ("A", "1 2"), {"Env": [PATH, "A=1 2"]}),
        ('ENV A="1 2" B=3\\ 4', ("A", "1 2", "B", "3 4"), {"Env": [PATH, "A=1 2", "B=3 4"]}),
        ("ENV A=", ("A", ""), {"Env": [PATH, "A="]}),
        ("ENV A=1\nENV A=2 B=$A", ("A", "2", "B", "1"), {"Env": [PATH, "A=2", "B=1"]}),
        ("ENV A=1 A=2", ("A", "1", "A", "2"), {"Env": [PATH, "A=2"]}),
        ("ENV PATH=/x:$PATH", ("PATH", "/x:" + PATH[5:]), {"Env": ["PATH=/x:" + PATH[5:]]}),
        ("ENV N=A\nENV $N=1", ("A", "1"), {"Env": [PATH, "N=A", "A=1"]}),
        ("ENV A='$B'", ("A", "$B"), {"Env": [PATH, "A=$B"]}),
        ("LABEL a=b", ("a", "b"), {"Labels": {"a": "b"}}),
        ("LABEL a b c", ("a", "b c"), {"Labels": {"a": "b c"}}),
        ('ENV V=1\nLABEL "a.$V"="$V" b=', ("a.1", "1", "b", ""), {"Labels": {"a.1": "1", "b": ""}}),
        ("EXPOSE 80", ("80",), {"ExposedPorts": {"80/tcp": {}}}),
        ("EXPOSE 80/UDP 81/sctp", ("80/UDP", "81/sctp"), {"ExposedPorts": {"80/udp": {}, "81/sctp": {}}}),
        ("EXPOSE 8000-8002/tcp", ("8000-8002/tcp",), {"ExposedPorts": {f"800{i}/tcp": {} for i in range(3)}}),
        ("ENV P='1 2'\nEXPOSE $P", ("1", "2"), {"ExposedPorts": {"1/tcp": {}, "2/tcp": {}}}),
        ("VOLUME /a /b", ("/a", "/b"), {"Volumes": {"/a": {}, "/b": {}}}),
        ('VOLUME ["/a b"]', ("/a b",), {"Volumes": {"/a b": {}}}),
        ("ENV D=d\nVOLUME /$D", ("/d",), {"Volumes": {"/d": {}}}),
        ("USER app:app", ("app:app",), {"User": "app:app"}),
        ("ARG U=7\nUSER ${U}:${U}", ("7:7",), {"User": "7:7"}),
        ("USER $unset", ("",), {"User": None}),
        ("STOPSIGNAL SIGQUIT", ("SIGQUIT",), {"StopSignal": "SIGQUIT"}),
        ("STOPSIGNAL 9", ("9",), {"StopSignal": "9"}),
        ("STOPSIGNAL RTMIN+3", ("RTMIN+3",), {"StopSignal": "RTMIN+3"}),
        ("MAINTAINER Jo <jo@example>", ("Jo <jo@example>",), {}),
        ('SHELL ["/bin/bash", "-c"]', ("/bin/bash", "-c"), {"Shell": ["/bin/bash", "-c"]}),
        ("CMD run $X 'a'", ("run $X 'a'",), {"Cmd": ["/bin/sh", "-c", "run $X 'a'"]}),
        ('CMD ["run", "$X"]', ("run", "$X"), {"Cmd": ["run", "$X"]}),
        ("CMD []", (), {"Cmd": None}),
        ('SHELL ["s"]\nCMD run', ("run",), {"Cmd": ["s", "run"]}),
        ("ENTRYPOINT run", ("run",), {"Entrypoint": ["/bin/sh", "-c", "run"], "Cmd": None}),
        ('ENTRYPOINT ["run"]', ("run",), {"Entrypoint": ["run"], "Cmd": None}),
        ("ENTRYPOINT []", (), {"Entrypoint": None, "Cmd": None}),
        ("CMD x\nENTRYPOINT run", ("run",), {"Entrypoint": ["/bin/sh", "-c", "run"]}),
        ("ONBUILD RUN $x", ("RUN $x",), {"OnBuild": ["RUN $x"]}),
        ("ONBUILD RUN a\nONBUILD RUN b", ("RUN b",), {"OnBuild": ["RUN a", "RUN b"]}),
    ],
)
def test_an_instruction_changes_the_configuration_as_docker_does(
    text: str, arguments: tuple[str, ...], expected: dict[str, Any]
) -> None:
    step = last(text)
    assert step.node.step.instruction.arguments == arguments
    assert change(step) == expected
    assert step.work is None


_HEALTH = {"Interval": None, "Timeout": None, "StartPeriod": None, "StartInterval": None, "Retries": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HEALTHCHECK CMD curl -f $X", {"Test": ["CMD-SHELL", "curl -f $X"]}),
        ('HEALTHCHECK cmd ["a", "b"]', {"Test": ["CMD", "a", "b"]}),
        ("HEALTHCHECK NONE", {"Test": ["NONE"]}),
        (
            "HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=500ms --start-interval=2h --retries=3 CMD x",
            {
                "Test": ["CMD-SHELL", "x"],
                "Interval": 90_000_000_000,
                "Timeout": 1_500_000_000,
                "StartPeriod": 500_000_000,
                "StartInterval": 7_200_000_000_000,
                "Retries": 3,
            },
        ),
        ("HEALTHCHECK --interval=0s --retries=0 CMD x", {"Test": ["CMD-SHELL", "x"]}),
    ],
)
def test_a_healthcheck_replaces_the_one_before(text: str, expected: dict[str, Any]) -> None:
    assert change(last(text)) == {"Healthcheck": {**_HEALTH, **expected}}
    base = Images({"base": {"Healthcheck": {"Test": ["CMD", "old"], "Timeout": 7, "Retries": 9}}})
    assert plan(f"FROM base\n{text}\n", images=base).target.config["Healthcheck"] == expected


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("ENV A=1", ExecutionContext(env=(("PATH", PATH[5:]), ("V", "1")), shell=())),
        ("CMD x", _SHELL_ONLY),
        ("ENTRYPOINT x", _SHELL_ONLY),
        ('CMD ["x"]', SEES_NOTHING),
        ('ENTRYPOINT ["x"]', SEES_NOTHING),
        ("LABEL a=$V", SEES_NOTHING),
        ("EXPOSE 80", SEES_NOTHING),
        ("VOLUME /a", SEES_NOTHING),
        ("USER u", SEES_NOTHING),
        ("STOPSIGNAL 9", SEES_NOTHING),
        ("HEALTHCHECK CMD x", SEES_NOTHING),
        ('SHELL ["x"]', SEES_NOTHING),
        ("MAINTAINER x", SEES_NOTHING),
        ("ONBUILD RUN x", SEES_NOTHING),
    ],
)
def test_an_instruction_sees_only_what_it_reads(text: str, context: ExecutionContext) -> None:
    step = last(f"USER someone\nWORKDIR /w\nENV V=1\n{text}")
    assert step.node.step.context == context


def test_what_decides_the_change_besides_the_text_is_an_input() -> None:
    assert inputs(last("ENTRYPOINT x")) == {("config", "Cmd"): "reset"}
    assert inputs(last("CMD []\nENTRYPOINT x")) == {("config", "Cmd"): "kept"}
    assert inputs(last("FROM a AS b\nCMD x\nFROM b\nENTRYPOINT x\n")) == {("config", "Cmd"): "reset"}
    assert inputs(last("ONBUILD RUN a\nONBUILD RUN b")) == {("config", "OnBuild"): '["RUN a"]'}


def test_only_json_forms_of_commands_are_exec_forms() -> None:
    forms = {
        step.node.step.instruction.name: step.node.step.instruction.form
        for step in plan(
            'FROM a\nVOLUME ["/a"]\nCOPY ["a", "b"]\nHEALTHCHECK CMD ["x"]\nSHELL ["x"]\nRUN ["x"]\n'
        ).steps
    }
    shell, exec_ = Form.SHELL, Form.EXEC
    assert forms == {"VOLUME": shell, "COPY": shell, "HEALTHCHECK": exec_, "SHELL": exec_, "RUN": exec_}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ENV $x=1", "not a name"),
        ("ENV A='x", "closing '"),
        ("ENV A=${B:?needed}", "B: needed"),
        ("LABEL $x=1", "not a name"),
        ("EXPOSE x", "not a port"),
        ("EXPOSE 80/icmp", "not a port"),
        ("EXPOSE 70000", "range of ports"),
        ("EXPOSE 9-8", "range of ports"),
        ("EXPOSE 8080:80", "not a port"),
        ("VOLUME $x", "empty"),
        ("STOPSIGNAL nope-1", "not a signal"),
        ("STOPSIGNAL 0", "not a signal"),
        ("HEALTHCHECK x", "CMD or NONE"),
        ("HEALTHCHECK CMD", "needs a command"),
        ("HEALTHCHECK NONE x", "no arguments"),
        ("HEALTHCHECK --interval=5 CMD x", "not a duration"),
        ("HEALTHCHECK --timeout=-5s CMD x", "not a duration"),
        ("HEALTHCHECK --timeout=1us CMD x", "at least 1ms"),
        ("HEALTHCHECK --retries=-1 CMD x", "--retries"),
        ("HEALTHCHECK --interval=9999999h CMD x", "too long"),
    ],
)
def test_what_is_malformed_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        last(text)
    assert caught.value.line == 2
    assert reason in caught.value.reason


def test_the_author_is_the_last_maintainer() -> None:
    assert plan("FROM a\nMAINTAINER one\nMAINTAINER two\n").target.author == "two"


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A, as far as patches are objects
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_follow_the_standard(target: dict[str, Any], patch: dict[str, Any], result: Any) -> None:
    before = canonical_json(target)
    assert apply_change(target, patch) == result
    assert canonical_json(target) == before
