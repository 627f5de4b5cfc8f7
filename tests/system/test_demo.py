from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lamella.cli.demo import Run
from tests.system.lamella import lamella

if TYPE_CHECKING:
    from lamella.builder.report import Summary

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_demonstration_holds() -> None:
    done = lamella("demo", EXAMPLES)
    assert done.returncode == 0, done.stderr
    assert "web-service changed" in done.stdout


def test_the_demonstration_elsewhere_says_where_to_run_it(tmp_path: Path) -> None:
    done = lamella("demo", tmp_path)
    assert done.returncode == 1
    assert "Lamella's sources" in done.stderr


class _Outcome:
    def __init__(self, hit: bool) -> None:
        self.hit = hit


class _Summary:
    outcomes = (_Outcome(True), _Outcome(False), _Outcome(False))


def test_a_build_with_other_misses_than_expected_is_found() -> None:
    run = Run("app", cast("Summary", _Summary()), frozenset({1, 2}))
    assert list(run.check()) == []
    assert list(replace(run, expected_misses=frozenset({2})).check()) == ["app: steps 2, 3 missed, not 3"]
