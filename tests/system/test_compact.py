"""Layers turn cold while a server runs, and nobody notices."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from lamella.cli.server_process import running_server
from tests.system.lamella import lamella, succeed
from tests.unit.store.layers import layer

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60.0
"""Seconds to wait for the server to do what it does in the background."""


def total(folder: Path) -> Any:
    return json.loads(lamella("admin", "usage", folder, "--json").stdout)


def usage(folder: Path) -> dict[str, Any]:
    return {place["where"]: place for place in total(folder)["places"]}


def stored(folder: Path) -> int:
    """What blobs take on the disk, the tables of packs left out."""
    return sum(place["stored_bytes"] for where, place in usage(folder).items() if where != "rest_of_packs")


def push(path: Path, data: bytes, server: str) -> str:
    path.write_bytes(data)
    digest: str = succeed("push", path, "--no-delta", server=server)["blobs"][0]["digest"]
    return digest


def pull(digest: str, path: Path, server: str) -> bytes:
    succeed("pull", digest, "--output", path, "--no-delta", server=server)
    return path.read_bytes()


def test_admin_compact_saves_room_beside_a_running_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data) as server:
        digests = [push(tmp_path / "layer", layer(release), server) for release in range(2)]
        before, whole = stored(data), total(data)
        nothing = json.loads(lamella("admin", "compact", data, "--json").stdout)
        report = json.loads(lamella("admin", "compact", data, "--all", "--json").stdout)
        assert (nothing["blobs"], report["blobs"], report["kept"], report["failed"]) == (0, 2, 0, 0)
        assert stored(data) <= before - report["saved"]
        assert usage(data)["recipes"]["blobs"] == 2
        assert [total(data)[field] for field in ("blobs", "bytes")] == [whole[field] for field in ("blobs", "bytes")]
        assert "nothing turned cold" in lamella("admin", "compact", data, "--all").stdout
        for release, digest in enumerate(digests):
            assert pull(digest, tmp_path / f"pulled-{release}", server) == layer(release)


def test_a_server_turns_layers_cold_by_itself(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data, "--cold-after", "1s") as server:
        digest = push(tmp_path / "layer", layer(), server)
        deadline = time.monotonic() + PATIENCE
        while usage(data)["recipes"]["blobs"] == 0:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert pull(digest, tmp_path / "pulled", server) == layer()
