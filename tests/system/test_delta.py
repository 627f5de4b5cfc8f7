"""Releases pushed and pulled one after the other, from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lamella.cli.server_process import running_server
from lamella.cli.text import size_text
from tests.releases import release
from tests.system.lamella import lamella, succeed

if TYPE_CHECKING:
    from pathlib import Path

FILE_SIZE = 150_000
OLD, NEW = release(0, size=FILE_SIZE), release(1, size=FILE_SIZE)
"""Larger than any manifest: `pull` looks into a smaller blob whether it is one."""


@pytest.fixture
def layers(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "old.tar", tmp_path / "new.tar"
    for path, data in zip(paths, (OLD, NEW), strict=True):
        path.write_bytes(data)
    return paths


@pytest.mark.parametrize("options", [(), ("--no-delta",)], ids=["delta", "whole"])
def test_the_next_release_moves_only_what_is_new(
    tmp_path: Path, layers: tuple[Path, Path], options: tuple[str, ...]
) -> None:
    old, new = layers
    cache = {"LAMELLA_CACHE": str(tmp_path / "cache")}
    with running_server(tmp_path / "data") as server:
        first = succeed("push", old, *options, server=server, **cache)["blobs"][0]
        succeed("admin", "compact", tmp_path / "data", "--all", server=server)
        pushed = succeed("push", new, *options, server=server, **cache)
        succeed("pull", first["digest"], "-o", tmp_path / "back", *options, server=server, **cache)
        digest = pushed["blobs"][0]["digest"]
        pulled = succeed("pull", digest, "-o", tmp_path / "back", *options, server=server, **cache)
    assert (tmp_path / "back").read_bytes() == NEW
    for moved, field in ((pushed, "bytes_sent"), (pulled, "bytes_received")):
        if options:
            assert moved["bytes_saved"] == 0
            assert moved[field] > len(NEW)
        else:
            assert moved["bytes_saved"] > len(NEW) - 4 * FILE_SIZE
            assert moved[field] < 5 * FILE_SIZE
    assert (tmp_path / "cache" / "chunks").exists() is not bool(options)


def test_what_was_moved_is_said_beside_what_it_was_moved_for(tmp_path: Path, layers: tuple[Path, Path]) -> None:
    old, new = layers
    with running_server(tmp_path / "data") as server:
        assert " sent" not in lamella("push", old, server=server).stdout
        succeed("admin", "compact", tmp_path / "data", "--all", server=server)
        pushed = lamella("push", new, server=server).stdout
        assert f" sent for {size_text(len(NEW))}: " in pushed
        pulled = lamella("pull", pushed.split()[0], "-o", tmp_path / "back", server=server).stdout
    assert f"(a blob of {size_text(len(NEW))}; " in pulled
