"""``docs/distribution-spec.md``: every duty of a registry has a test, which exists and names the section."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "distribution-spec.md"
LEVELS = {"MUST", "SHOULD", "MAY", "OPTIONAL"}
TEST = re.compile(r"`([a-z0-9_/]+\.py)::(test_\w+)`")


@dataclass(frozen=True)
class Row:
    section: str
    requirement: str
    level: str
    shown_by: str

    @property
    def tests(self) -> list[tuple[str, str]]:
        return TEST.findall(self.shown_by)


def rows() -> list[Row]:
    found = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    parsed = [Row(*(cell.strip() for cell in cells)) for cells in found]
    return [row for row in parsed if row.section not in ("section", "---")]


@cache
def docstrings(path: str) -> dict[str, str]:
    module = ast.parse((ROOT / "tests" / path).read_text())
    functions = (node for node in module.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return {function.name: " ".join((ast.get_docstring(function) or "").split()) for function in functions}


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.section}: {row.requirement}"[:80])
def test_a_requirement_has_its_test(row: Row) -> None:
    assert row.level in LEVELS
    if not re.match(r"client\b|none \(.+\)\Z", row.shown_by):
        assert row.tests, "nothing shows that this is so"
    assert TEST.sub("", row.shown_by).strip(", ") in ("", "client", "client:") or row.shown_by.startswith("none (")
    for path, name in row.tests:
        assert name in docstrings(path), f"{path} has no {name}"
        assert row.section in docstrings(path)[name], f"{name} does not name the section"


def test_no_requirement_comes_twice() -> None:
    found = rows()
    assert len(found) > 100
    assert [row for row, times in Counter((row.section, row.requirement) for row in found).items() if times > 1] == []
