"""What is pushed for its own sake stays when garbage is collected, until it is the oldest or too old."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lamella.cli.server_process import running_server
from tests.system.lamella import succeed

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "static-site"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with running_server(tmp_path / "data") as address:
        yield address


def collect(data_folder: Path, *arguments: str) -> None:
    """Collect garbage that nobody has used for more than a second."""
    time.sleep(1.1)
    succeed("admin", "gc", data_folder, "--grace", "1s", *arguments, server="")


def test_a_pushed_file_stays_until_it_is_too_old(tmp_path: Path, server: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"pushed" * 10_000)
    [blob] = succeed("push", path, server=server)["blobs"]
    collect(tmp_path / "data")
    succeed("pull", blob["digest"], "-o", tmp_path / "back", server=server)
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    collect(tmp_path / "data", "--max-age", "1s")
    assert succeed("push", path, server=server)["blobs"][0]["sent"]


@pytest.mark.parametrize("way", ["build --push", "push"])
def test_a_pushed_image_stays(tmp_path: Path, server: str, way: str) -> None:
    how = ("--push",) if way == "build --push" else ()
    built = succeed("build", EXAMPLE, "-o", tmp_path / "image", *how, server=server)
    if way == "push":
        succeed("push", tmp_path / "image", server=server)
    collect(tmp_path / "data")
    succeed("pull", built["manifest"], "-o", tmp_path / "back", server=server)
    assert (tmp_path / "back" / "index.json").is_file()
