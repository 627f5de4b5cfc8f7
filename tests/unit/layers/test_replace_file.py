from __future__ import annotations

import errno
from pathlib import Path

import pytest

from lamella.layers.replace_file import replace_file


def test_a_full_disk_is_told_with_the_file_and_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(OSError, match="No space left") as raised, replace_file(path):
        Path("/dev/full").write_bytes(b"x")
    assert raised.value.filename == str(path)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["before"]


def test_an_error_that_is_not_of_this_file_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output") as raised, replace_file(tmp_path / "file"):
        raise OSError(errno.EIO, "Input/output error")
    assert raised.value.filename is None


def test_a_folder_that_is_not_there_is_told_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, replace_file(tmp_path / "missing" / "file"):
        pass
    assert raised.value.filename == str(tmp_path / "missing" / "file")
