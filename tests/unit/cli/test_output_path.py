"""What ``--output`` may be: said before anything is built or fetched."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from lamella.cli.output_path import output_file, parse_output


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "old.tar").touch()
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("text", ["new", "folder", "folder/new", "new/newer", "new.tar", "old.tar", "new/new.tar"])
def test_layouts_go_to_folders_and_tars_which_are_made_if_missing(text: str) -> None:
    output = parse_output(text)
    assert output is not None
    assert output.path == Path(text)


def test_none_is_no_output() -> None:
    assert parse_output("none") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file", "file is a file; name a folder or a *.tar"),
        ("file/new", "file is a file, so nothing can be written below it"),
        ("file/new.tar", "file is a file, so nothing can be written below it"),
        ("type=oci,dest=folder", "folder is a folder; name the file to write"),
        ("type=docker,dest=x", "type=oci"),
    ],
)
def test_what_cannot_be_written_is_wrong_usage(text: str, message: str) -> None:
    with pytest.raises(click.BadParameter) as raised:
        parse_output(text)
    assert message in raised.value.message


@pytest.mark.parametrize("text", ["new", "file", "folder/new"])
def test_a_blob_goes_to_a_new_file_or_in_place_of_an_old_one(text: str) -> None:
    assert output_file(text) == Path(text)


def test_a_symlink_stays_and_what_it_leads_to_is_written(folder: Path) -> None:
    (folder / "link.tar").symlink_to("folder/new.tar")
    output = parse_output("link.tar")
    assert output is not None
    assert output.path == output_file("link.tar") == folder / "folder/new.tar"


@pytest.mark.parametrize("text", ["pipe.tar", "link-to-pipe.tar", "/dev/null"])
def test_a_pipe_or_a_device_is_not_replaced(folder: Path, text: str) -> None:
    os.mkfifo("pipe.tar")
    (folder / "link-to-pipe.tar").symlink_to("pipe.tar")
    for check in (output_file, lambda text: parse_output(f"type=oci,dest={text}")):
        with pytest.raises(click.BadParameter, match="is a pipe or a device"):
            check(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folder", "folder is a folder; name the file to write"),
        ("missing/new", "there is no folder missing; make it first"),
        ("file/new", "there is no folder file; make it first"),
    ],
)
def test_a_blob_goes_to_no_folder_and_into_none_that_is_missing(text: str, message: str) -> None:
    with pytest.raises(click.BadParameter) as raised:
        output_file(text)
    assert raised.value.message == message
