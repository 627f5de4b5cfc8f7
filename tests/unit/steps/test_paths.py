"""Paths inside an image."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.steps.paths import is_folder, join, join_destination, literal, relative

_paths = st.lists(st.sampled_from(["a", "b.c", ".", "..", "", "/"]), max_size=6).map("/".join)


@given(_paths, _paths)
def test_paths_are_absolute_and_clean_and_never_above_the_root(folder: str, path: str) -> None:
    joined = join("/" + folder, path)
    assert joined.startswith("/")
    assert joined == "/" or not joined.endswith("/")
    assert not {"", ".", ".."} & set(joined[1:].split("/")) or joined == "/"
    assert join("/", joined) == joined
    assert relative(path) == (join("/", path)[1:] or ".")


@given(_paths, _paths)
def test_a_destination_says_whether_it_is_a_folder(folder: str, path: str) -> None:
    destination = join_destination("/" + folder, path)
    assert destination.rstrip("/") == join("/" + folder, path).rstrip("/")
    assert destination.endswith("/") == (is_folder(path) or destination == "/")


@pytest.mark.parametrize(
    ("path", "pattern"),
    [("a/b", "a/b"), ("a\\b", "a\\b"), ("a*", "a[*]"), ("[a]?", "[[]a][?]"), ("a\\*", "a\\\\[*]")],
)
def test_a_literal_has_no_wildcards(path: str, pattern: str) -> None:
    assert literal(path) == pattern


@given(st.text("a*?[]!-", max_size=6), st.text("a*?[]!-", max_size=6))
def test_a_literal_matches_itself_only(path: str, other: str) -> None:
    assert fnmatchcase(other, literal(path)) == (other == path)
