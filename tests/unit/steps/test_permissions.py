from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.errors import Invalid
from lamella.steps.permissions import Chmod

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "mode", "is_folder", "expected"),
    [
        ("644", 0o777, False, 0o644),
        ("4755", 0, False, 0o4755),
        ("u=rwX,go=rX", 0o600, False, 0o644),
        ("u=rwX,go=rX", 0o700, False, 0o755),
        ("u=rwX,go=rX", 0o600, True, 0o755),
        ("+x", 0o644, False, 0o755),
        ("+w", 0o444, False, 0o644),
        ("a+w", 0o444, False, 0o666),
        ("g=u,o=", 0o764, False, 0o770),
        ("u+s,+t", 0o755, False, 0o5755),
        ("go-rwx", 0o777, False, 0o700),
        ("u=rw-r", 0o777, False, 0o277),
    ],
)
def test_modes(text: str, mode: int, is_folder: bool, expected: int) -> None:
    assert oct(Chmod(text).apply(mode, is_folder=is_folder)) == oct(expected)


@pytest.mark.parametrize("text", ["", "8", "77777", "rw", "u", "u=q", "u=rw,", "=ug", "z+x"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(Invalid, match=r"--chmod.*0644"):
        Chmod(text)


PERMISSIONS = st.one_of(st.text("rwxXst", max_size=3), st.sampled_from("ugo"))
ACTIONS = st.lists(st.builds(str.__add__, st.sampled_from("+-="), PERMISSIONS), min_size=1, max_size=2).map("".join)
CLAUSES = st.lists(st.builds(str.__add__, st.text("ugoa", max_size=2), ACTIONS), min_size=1, max_size=2).map(",".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chmod")


@pytest.mark.slow
@given(text=CLAUSES, mode=st.integers(0, 0o7777), is_folder=st.booleans())
def test_symbolic_modes_are_those_of_chmod(folder: Path, text: str, mode: int, is_folder: bool) -> None:
    path = folder / ("folder" if is_folder else "file")
    if is_folder:
        path.mkdir(exist_ok=True)
    else:
        path.touch()
    path.chmod(mode)
    subprocess.run(["chmod", "--", text, path], check=True, umask=0o022, capture_output=True)
    assert oct(Chmod(text).apply(mode, is_folder=is_folder)) == oct(path.stat().st_mode & 0o7777)
