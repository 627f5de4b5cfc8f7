from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lamella.cli.demo import Run
from lamella.cli.server_process import running_server
from tests.system.lamella import lamella

if TYPE_CHECKING:
    import pytest

    from lamella.builder.report import Summary

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
COMMAND = re.compile(r"^lamella (?!serve)([^#\n]+)", re.MULTILINE)


def test_the_demonstration_holds() -> None:
    done = lamella("demo", EXAMPLES)
    assert done.returncode == 0, done.stderr
    assert "web-service changed" in done.stdout


def test_the_demonstration_elsewhere_says_where_to_run_it(tmp_path: Path) -> None:
    done = lamella("demo", tmp_path)
    assert done.returncode == 1
    assert "Lamella's sources" in done.stderr


def test_the_commands_of_the_readme_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = COMMAND.findall((ROOT / "README.md").read_text())
    shutil.copytree(EXAMPLES / "python-app", tmp_path / "app", symlinks=True)
    monkeypatch.chdir(tmp_path / "app")
    with running_server(tmp_path / "data") as server:
        for command in commands:
            done = lamella(*shlex.split(command), server=server)
            assert done.returncode == 0, f"{command}: {done.stderr}"
    assert {command.split()[0] for command in commands} == {"build", "resolve", "stats"}
    assert (tmp_path / "app" / "app" / "index.json").is_file()


class _Outcome:
    def __init__(self, hit: bool) -> None:
        self.hit = hit


class _Summary:
    outcomes = (_Outcome(True), _Outcome(False), _Outcome(False))


def test_a_build_with_other_misses_than_expected_is_found() -> None:
    run = Run("app", cast("Summary", _Summary()), frozenset({1, 2}))
    assert list(run.check()) == []
    assert list(replace(run, expected_misses=frozenset({2})).check()) == ["app: steps 2, 3 missed, not 3"]
