"""Whole Dockerfiles as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lamella.model import Heredoc, Platform, Scope
from lamella.steps.resolve import Status, resolve
from lamella.steps.work import CopyWork, RemoteFile, RunWork
from tests.unit.steps.support import PATH, Images, change, inputs, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamella.model import Digest, StepResult
    from lamella.steps.plan import Plan

_FOLDER = Path(__file__).parents[2] / "data" / "dockerfiles"
_STAGES = {
    "backticks": [("tools", 2), ("", 3)],
    "database": [("", 17)],
    "go-service": [("base", 4), ("build", 1), ("binary", 1), ("", 6)],
    "language-stack": [("stack", 6), ("application", 5), ("", 4)],
    "node-app": [("dependencies", 3), ("build", 3), ("", 10)],
    "python-service": [("build", 7), ("", 10)],
    "static-site": [("", 7)],
    "workspace": [("chef", 2), ("planner", 2), ("builder", 4), ("runtime", 1), ("server", 3)],
}


class _Nothing:
    """An index that has no results."""

    async def find(self, scopes: Sequence[Scope], key: Digest) -> StepResult | None:
        return None


def _plan(name: str, **options: Any) -> Plan:
    return plan((_FOLDER / f"{name}.Dockerfile").read_text(), **options)


def test_every_file_is_tested() -> None:
    assert sorted(_STAGES) == sorted(path.name.partition(".")[0] for path in _FOLDER.iterdir())


@pytest.mark.parametrize(("name", "stages"), _STAGES.items(), ids=_STAGES.keys())
def test_the_stages_that_the_target_needs_are_planned(name: str, stages: list[tuple[str, int]]) -> None:
    planned = _plan(name)
    assert [(stage.name, len(stage.steps)) for stage in planned.stages] == stages
    assert not planned.warnings


@pytest.mark.parametrize("name", _STAGES)
async def test_a_plan_can_be_resolved_as_it_is(name: str) -> None:
    answers = await resolve([step.node for step in _plan(name).steps], Scope(), _Nothing())
    assert answers[0].status is Status.MISS
    assert not any(answer.status is Status.HIT for answer in answers)


@pytest.mark.parametrize("name", _STAGES)
def test_a_plan_is_the_same_every_time(name: str) -> None:
    assert _plan(name) == _plan(name)


def test_go_service_is_built_on_one_platform_for_another() -> None:
    images = Images()
    planned = _plan(
        "go-service",
        images=images,
        platform=Platform("linux", "arm64"),
        build_platform=Platform("linux", "amd64"),
        build_arguments={"VERSION": "1.2", "GO_VERSION": "1.24"},
    )
    assert sorted(images.asked) == [("alpine:3.20", "linux/arm64"), ("golang:1.24-alpine3.20", "linux/amd64")]
    download, build = (step for step in planned.steps if isinstance(step.work, RunWork) and step.stage < 2)
    assert [name for kind, name in inputs(download) if kind == "arg"] == []
    assert {name: value for (kind, name), value in inputs(build).items() if kind == "arg"} == {
        "TARGETARCH": "arm64",
        "TARGETOS": "linux",
        "VERSION": "1.2",
    }
    assert ("content", "0 /src") in inputs(build)


def test_node_app_leaves_its_configuration() -> None:
    assert _plan("node-app").target.config == {
        "Env": [PATH, "NODE_ENV=production", "PORT=3000"],
        "Labels": {
            "org.opencontainers.image.title": "Web shop",
            "org.opencontainers.image.source": "https://example.com/shop.git",
        },
        "WorkingDir": "/app",
        "User": "node",
        "ExposedPorts": {"3000/tcp": {}},
        "Healthcheck": {
            "Test": ["CMD-SHELL", "node dist/healthcheck.js || exit 1"],
            "Interval": 30_000_000_000,
            "Timeout": 3_000_000_000,
            "StartPeriod": 10_000_000_000,
            "Retries": 3,
        },
        "StopSignal": "SIGTERM",
        "Cmd": ["node", "dist/server.js"],
    }


def test_python_service_has_its_here_documents() -> None:
    works = [step.work for step in _plan("python-service").steps]
    assert isinstance(works[2], RunWork)
    assert works[2].command[:4] == ("/bin/bash", "-euo", "pipefail", "-c")
    assert works[2].command[4].startswith("apt-get update\napt-get install")
    (config,) = [work.sources for work in works if isinstance(work, CopyWork) and "gunicorn" in work.destination]
    assert config == (Heredoc("EOF", 'bind = "0.0.0.0:8000"\nworkers = int(os.environ.get("WORKERS", "2"))\n'),)
    (script,) = [work.script for work in works if isinstance(work, RunWork) and work.script]
    assert script.body.startswith("#!/usr/bin/env python3\n")


def test_database_expands_what_docker_expands() -> None:
    planned = _plan("database")
    assert planned.target.author == "Database Team <database@example.com>"
    assert planned.target.config["Env"] == [
        PATH + ":/usr/lib/db/16/bin",
        "LANG=en_US.utf8",
        "MAJOR=16",
        "VERSION=16.3-1",
        "DATA=/var/lib/db/data",
        "CONF=/var/lib/db/db.conf",
    ]
    (remote,) = [
        source
        for step in planned.steps
        if isinstance(step.work, CopyWork)
        for source in step.work.sources
        if isinstance(source, RemoteFile)
    ]
    assert remote.name == "trgm-1.6.tar.gz"


def test_language_stack_runs_its_triggers_in_the_next_stage() -> None:
    planned = _plan("language-stack", build_arguments={"PROFILE": "ci"})
    steps = [planned.steps[place] for place in planned.stages[1].steps]
    assert [step.line for step in steps] == [10, 10, 10, 10, 11]
    assert [inputs(step).get(("arg", "PROFILE")) for step in steps] == [None, "ci", None, "ci", "ci"]


def test_static_site_keeps_parents_and_spaces() -> None:
    works = [step.work for step in _plan("static-site").steps if isinstance(step.work, CopyWork)]
    selected = [source for work in works for source in work.sources if not isinstance(source, Heredoc)]
    assert [getattr(source, "source", "") for source in selected[2:6]] == [
        "error pages/404.html",
        "error pages/50x.html",
        "guide/*.html",
        "reference/*.html",
    ]


def test_backticks_leave_backslashes_alone() -> None:
    planned = _plan("backticks")
    assert change(planned.steps[1]) == {"Labels": {"path": "C:\\new\\table", "quoted": 'say "hi"'}}
    assert "GREETING=hello world" in planned.target.config["Env"]


def test_workspace_targets_share_what_they_have_in_common() -> None:
    server, worker = _plan("workspace", target="server"), _plan("workspace", target="worker")
    assert [step.node for step in server.steps[:9]] == [step.node for step in worker.steps[:9]]
    assert [stage.name for stage in worker.stages][-1] == "worker"
