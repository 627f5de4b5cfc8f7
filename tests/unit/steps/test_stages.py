"""Stages and build arguments: what is built, what it starts from, and which variables are where."""

from __future__ import annotations

import pytest

from lamella.errors import DockerfileError
from lamella.model import SCRATCH, Platform
from lamella.steps.platforms import normalize_platform
from tests.unit.steps.support import PATH, Context, Images, inputs, last, plan, steps

_MULTI = """\
FROM golang AS build
COPY . /src
RUN make
FROM alpine AS docs
COPY docs /docs
FROM node AS unused
RUN missing
FROM scratch AS final
COPY --from=build /src/app /app
COPY --from=1 /docs /docs
"""


def test_only_the_stages_that_the_target_needs_are_planned() -> None:
    images = Images()
    planned = plan(_MULTI, images=images)
    assert [stage.name for stage in planned.stages] == ["build", "docs", "final"]
    assert planned.target.name == "final"
    assert [step.text for step in planned.steps] == [
        "COPY . /src",
        "RUN make",
        "COPY docs /docs",
        "COPY --from=build /src/app /app",
        "COPY --from=1 /docs /docs",
    ]
    assert images.asked == [("alpine", "linux/amd64"), ("golang", "linux/amd64")]


@pytest.mark.parametrize(("target", "names"), [("docs", ["docs"]), ("BUILD", ["build"]), ("1", ["docs"])])
def test_a_target_is_a_name_in_any_case_or_a_number(target: str, names: list[str]) -> None:
    assert [stage.name for stage in plan(_MULTI, target=target).stages] == names


def test_steps_are_applied_to_the_last_step_that_changed_files() -> None:
    planned = plan("FROM a\nENV A=1\nWORKDIR /x\nLABEL a=b\nRUN y\nCMD z\n")
    base = planned.target.base
    assert base is not None
    assert [(step.node.after, step.node.step.parent) for step in planned.steps] == [
        (None, base.chain_id),
        (None, base.chain_id),
        (1, SCRATCH),
        (1, SCRATCH),
        (3, SCRATCH),
    ]
    assert planned.target.tip == 3


def test_a_stage_goes_on_where_its_base_stage_ended() -> None:
    planned = plan('FROM a AS one\nENV A=1\nRUN x\nFROM ONE as two\nLABEL b=c\nFROM two\nUSER u\nCMD ["d"]\n')
    assert [(stage.name, stage.base_stage, stage.tip) for stage in planned.stages] == [
        ("one", None, 1),
        ("two", 0, 1),
        ("", 1, 1),
    ]
    assert planned.target.base is planned.stages[0].base
    assert planned.target.config == {"Env": [PATH, "A=1"], "Labels": {"b": "c"}, "User": "u", "Cmd": ["d"]}
    assert planned.target.author == "author of a"


def test_scratch_has_no_layers_and_docker_s_defaults() -> None:
    target = plan("FROM scratch\nLABEL a=b\n").target
    assert (target.base, target.tip, target.author) == (None, SCRATCH, "")
    assert target.config == {"Env": [PATH], "WorkingDir": "/", "Labels": {"a": "b"}}


def test_a_stage_may_have_the_name_of_its_image() -> None:
    images = Images()
    plan("FROM alpine AS alpine\nRUN x\nFROM alpine\nRUN y\n", images=images)
    assert images.asked == [("alpine", "linux/amd64")]


def test_a_name_that_no_earlier_stage_has_is_an_image() -> None:
    step = last("FROM a AS one\nCOPY --from=registry.example:5000/Tool:1 /bin/t /t\n")
    (pending,) = step.waits_for
    assert pending.origin.image.reference == "registry.example:5000/Tool:1"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("RUN x\nFROM a\n", 1, "before the first FROM"),
        ("ARG A\n", 1, "no FROM"),
        ("FROM\n", 1, "at least one"),
        ("FROM a b\n", 1, "expected FROM"),
        ("FROM a IS b\n", 1, "expected FROM"),
        ("FROM a AS 1b\n", 1, "not a name"),
        ("FROM a AS scratch\n", 1, "not a name"),
        ("FROM $nothing\n", 1, "expands to nothing"),
        ("FROM ${x\n", 1, "missing '}'"),
        ("\nFROM missing\n", 2, "--build-context"),
        ("FROM --platform=linux a\n", 1, "--platform=linux"),
        ("FROM --platform=windows/amd64 a\n", 1, "Windows"),
        ("FROM a AS b\nCOPY --from=b x y\n", 2, "does not come before"),
        ("FROM a AS b\nCOPY --from=c x y\nFROM b AS c\n", 2, "does not come before"),
        ("FROM a\nCOPY --from=0 x y\n", 2, "does not come before"),
        ("FROM a\nCOPY --from=7 x y\n", 2, "no stage 7"),
        ("FROM a\nCOPY --from=" + "7" * 5000 + " x y\n", 2, "no stage 7"),
        ("FROM a\nARG A=" + "${b:-" * 5000 + "}" * 5000 + "\n", 2, "more than 100 substitutions"),
        ("FROM a\nRUN --mount=from=c,target=/x y\nFROM b AS c\n", 2, "does not come before"),
        ("FROM a\nCOPY --from=missing x y\n", 2, "--build-context"),
        ("ARG A=${b?no}\nFROM a\n", 1, "ARG A: b: no"),
        ("FROM a\nARG =x\n", 2, "without a name"),
        ("FROM a\nARG A='x\n", 2, "closing '"),
    ],
)
def test_what_is_wrong_with_stages_is_said_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        plan(text, target="" if text.count("FROM") < 2 else "0")
    assert caught.value.line == line
    assert reason in caught.value.reason


def test_an_unknown_target_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(DockerfileError, match="build, docs, unused, final"):
        plan(_MULTI, target="none")


@pytest.mark.parametrize(
    ("before", "inside", "given", "expected"),
    [
        ("ARG V=1\n", "", {}, ""),
        ("ARG V=1\n", "ARG V\n", {}, "1"),
        ("ARG V=1\n", "ARG V=2\n", {}, "2"),
        ("ARG V=1\n", "ARG V\n", {"V": "3"}, "3"),
        ("ARG V=1\n", "ARG V=2\n", {"V": "3"}, "3"),
        ("", "ARG V\n", {}, ""),
        ("", "ARG V\n", {"V": ""}, ""),
        ("", "", {"V": "3"}, ""),
        ("", 'ARG V="a b"\n', {}, "a b"),
        ("", "ARG U=1 V=${U}2\n", {}, "12"),
        ("ARG U=1\nARG V=${U}2\n", "ARG V\n", {}, "12"),
        ("ARG U=1\nARG V=${U}2\n", "ARG V\n", {"U": "5"}, "52"),
        ("ARG U=1\n", "ARG V=$U\n", {}, ""),
        ("", "ARG V=1\nENV V=2\n", {"V": "3"}, "2"),
        ("", "ENV V=2\nARG V=1\n", {}, "1"),
        ("", "ENV U=2\nARG V=$U\n", {}, "2"),
        ("", "ARG V=$PATH\n", {}, PATH.partition("=")[2]),
        ("", "ARG TARGETPLATFORM\nARG V=$TARGETPLATFORM\n", {}, "linux/arm/v7"),
        ("ARG V=$BUILDOS-$BUILDARCH-$TARGETARCH-$TARGETVARIANT\n", "ARG V\n", {}, "linux-amd64-arm-v7"),
        ("ARG V=$TARGETSTAGE\n", "ARG V\n", {}, "default"),
        ("", "ARG V=$TARGETARCH\n", {}, ""),
        ("", "ARG HTTP_PROXY\nARG V=$HTTP_PROXY\n", {"HTTP_PROXY": "p"}, "p"),
        ("", "ARG V=$HTTP_PROXY\n", {"HTTP_PROXY": "p"}, ""),
    ],
)
def test_arguments_are_visible_where_docker_has_them(
    before: str, inside: str, given: dict[str, str], expected: str
) -> None:
    text = f"{before}FROM a\n{inside}LABEL v=$V\n"
    planned = plan(
        text, platform=Platform("linux", "arm", "v7"), build_platform=Platform("linux", "amd64"), build_arguments=given
    )
    assert planned.target.config["Labels"] == {"v": expected}


def test_from_sees_global_arguments_only() -> None:
    images = Images()
    text = (
        "ARG TAG=1\nARG ARCH=arm64\n"
        "FROM --platform=linux/$ARCH a:${TAG} AS one\nARG TAG=2\n"
        "FROM b:$TAG\nCOPY --from=one / /\n"
    )
    planned = plan(text, images=images, build_arguments={"ARCH": "386"})
    assert sorted(images.asked) == [("a:1", "linux/386"), ("b:1", "linux/amd64")]
    assert [str(stage.platform) for stage in planned.stages] == ["linux/386", "linux/amd64"]


def test_an_image_that_files_are_copied_from_is_for_the_platform_that_is_built_for() -> None:
    images = Images()
    text = "FROM --platform=$BUILDPLATFORM a\nCOPY --from=b / /\nRUN --mount=from=c,target=/m x\n"
    plan(text, images=images, platform=Platform("linux", "arm64"), build_platform=Platform("linux", "amd64"))
    assert sorted(images.asked) == [("a", "linux/amd64"), ("b", "linux/arm64"), ("c", "linux/arm64")]


def test_a_stage_inherits_the_arguments_of_its_base_stage() -> None:
    assert inputs(last("FROM a AS one\nARG V=1\nFROM one\nRUN x\n")) == {("arg", "V"): "1"}
    assert inputs(last("FROM a AS one\nARG V=1\nFROM a\nRUN x\n")) == {}


def test_an_inherited_argument_is_hidden_by_a_variable_of_the_image() -> None:
    text = "FROM a AS one\nENV V=image\nARG V=argument\nLABEL one=$V\nFROM one\nLABEL two=$V\nRUN x\n"
    planned = plan(text)
    assert planned.target.config["Labels"] == {"one": "argument", "two": "image"}
    assert inputs(planned.steps[-1]) == {}


def test_build_arguments_that_nothing_declares_are_warned_of() -> None:
    planned = plan(
        "ARG A\nFROM a AS one\nARG B\nFROM a\nRUN x\n",
        build_arguments={"A": "", "B": "", "C": "", "HTTP_PROXY": "p", "BUILDKIT_INLINE_CACHE": "1", "TARGETOS": "x"},
    )
    assert planned.warnings == ("--build-arg C: no ARG declares it",)
    assert planned.proxies == {"HTTP_PROXY": "p"}


def test_the_time_of_layers_is_an_input_of_those_that_make_one() -> None:
    text = "FROM a\nWORKDIR /x\nCOPY a /b\nRUN c\nLABEL d=e\n"
    assert not any(("layer", "mtime") in inputs(step) for step in steps(text))
    planned = plan(text, build_arguments={"SOURCE_DATE_EPOCH": "1700000000"})
    assert planned.layer_time == 1_700_000_000
    assert [inputs(step).get(("layer", "mtime")) for step in planned.steps] == ["1700000000"] * 3 + [None]
    for wrong in ("yesterday", "-1", "8589934592", "99999999999"):
        with pytest.raises(DockerfileError, match="SOURCE_DATE_EPOCH"):
            plan(text, build_arguments={"SOURCE_DATE_EPOCH": wrong})


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("Linux/aarch64", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armel", "linux/arm/v6"),
    ],
)
def test_one_platform_has_one_name(written: str, usual: str) -> None:
    assert str(normalize_platform(Platform.parse(written))) == usual


def test_triggers_of_an_image_run_first_and_do_not_go_on() -> None:
    images = Images({"base": {"OnBuild": ["COPY app /app", "RUN --network=none make"], "Cmd": ["x"]}})
    planned = plan("ARG A\nFROM base AS one\nLABEL a=b\nFROM one\nLABEL c=d\n", images=images)
    assert [(step.line, step.text) for step in planned.steps] == [
        (2, "COPY app /app"),
        (2, "RUN --network=none make"),
        (3, "LABEL a=b"),
        (5, "LABEL c=d"),
    ]
    assert "OnBuild" not in planned.stages[0].config


def test_triggers_of_a_stage_run_in_the_next_one_only() -> None:
    text = "FROM a AS src\nFROM a AS one\nONBUILD COPY --from=src /x /y\nFROM one AS two\nFROM two\nRUN z\n"
    planned = plan(text)
    assert [(step.line, step.text) for step in planned.steps] == [
        (3, "ONBUILD COPY --from=src /x /y"),
        (4, "COPY --from=src /x /y"),
        (6, "RUN z"),
    ]
    assert [stage.name for stage in planned.stages] == ["src", "one", "two", ""], "what the trigger needs is built too"
    assert plan(text, target="one").target.config["OnBuild"] == ["COPY --from=src /x /y"]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"OnBuild": ["FROM x"]}, "cannot be an ONBUILD trigger"),
        ({"OnBuild": ["RUN a\nRUN b"]}, "single"),
        ({"OnBuild": ["NOPE"]}, "unknown instruction"),
        ({"OnBuild": "RUN a"}, "config.OnBuild"),
        ({"Env": "A=1"}, "config.Env"),
        ({"Shell": [1]}, "config.Shell"),
        ({"User": 7}, "config.User"),
    ],
)
def test_a_malformed_base_image_is_refused(config: dict[str, object], reason: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        plan("\nFROM base\n", images=Images({"base": config}))
    assert caught.value.line == 2
    assert reason in caught.value.reason


def test_a_base_image_s_environment_is_taken_with_each_name_once() -> None:
    images = Images({"base": {"Env": ["A=1", "B", "PATH=/p", "A=2=3", "=x"], "WorkingDir": "rel", "User": "u"}})
    step = last("FROM base\nRUN x\n", images=images).node.step
    assert step.context.env == (("A", "2=3"), ("B", ""), ("PATH", "/p"))
    assert (step.context.workdir, step.context.user) == ("/rel", "u")


def test_a_missing_source_names_the_line() -> None:
    with pytest.raises(DockerfileError, match=r"Dockerfile:3: COPY: nothing matches 'missing'"):
        plan("FROM a\nRUN x\nCOPY missing /\n", context=Context())
