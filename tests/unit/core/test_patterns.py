"""Docker's ignore rules, through the binding; the rules themselves are tested in `rust/core/tests/pattern.rs`."""

from __future__ import annotations

import os

import pytest

from lamella._core import PatternError, match_patterns


def test_each_path_is_told_whether_it_is_left_out() -> None:
    lines = ["# build output", "", "target/", "**/*.pyc", "docs", "!docs/*.md"]
    paths = ["target", "target/a", "src/target", "a/b.pyc", "docs/a.txt", "docs/a.md", "docs/sub/a.md"]
    assert match_patterns(lines, paths) == [True, True, False, True, True, False, True]


def test_names_that_are_not_utf_8_can_be_matched() -> None:
    name = os.fsdecode(b"caf\xe9")
    assert match_patterns([name], [name, "café"]) == [True, False]
    assert match_patterns(["caf?"], [name, "café", "caf"]) == [True, True, False]


def test_a_malformed_line_is_quoted_with_its_number() -> None:
    with pytest.raises(PatternError, match=r'line 3: pattern "a\[": a \[ has no \]'):
        match_patterns(["ok", "# comment", "a["], [])


def test_an_argument_is_no_comment_and_has_no_number() -> None:
    assert match_patterns(["#*", "!#keep"], ["#draft", "#keep", "text"], lines=False) == [True, False, False]
    with pytest.raises(PatternError, match=r'^pattern "a\[": a \[ has no \]'):
        match_patterns(["ok", "a["], [], lines=False)
