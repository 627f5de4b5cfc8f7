"""A door that stops while clients neither send nor take anything."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lamella.server.http import limits
from tests.http.conftest import serving

if TYPE_CHECKING:
    from tests.http.conftest import Client

GRACE = 1.0
LARGE = 32 << 20
"""Bytes of a blob that no connection takes in without being read."""


def open_files(folder: Path) -> list[str]:
    """Return the files of blobs and uploads that this process has open."""
    names = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(link.readlink()))
    return [name for name in names for part in ("blobs", "uploads") if name.startswith(f"{folder / part}/")]


async def stall(registry: Client) -> list[asyncio.StreamWriter]:
    """Begin a download, a small upload and a large one, and go on with none of them."""
    digest = await registry.push_blob("a", os.urandom(LARGE))
    requests = [f"GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode()]
    for size in (1000, limits.DIRECT_SIZE):
        head = f"PATCH {await registry.begin('a')} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
        requests.append(head.encode() + b"begun")
    writers = []
    for request in requests:
        _, writer = await asyncio.open_connection("127.0.0.1", registry.port, limit=1000)
        writer.write(request)
        writers.append(writer)
    return writers


@pytest.mark.parametrize("insist", [False, True])
async def test_what_outlasts_the_grace_has_ended_when_the_door_has(tmp_path: Path, insist: bool) -> None:
    """The store is closed after the door: whoever still used it would fail, and lose what had arrived."""
    async with serving(tmp_path, GRACE) as registry:
        writers = await stall(registry)
        while len(open_files(tmp_path)) < len(writers):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        stopping = asyncio.create_task(registry.door.stop())
        if insist:
            await asyncio.sleep(GRACE / 10)
            stopping.cancel()
        # Not when the grace has passed a second time.
        await asyncio.wait({stopping}, timeout=1.9 * GRACE)
        assert stopping.done()
        assert open_files(tmp_path) == []
        assert sorted(path.stat().st_size for path in registry.partial_files()) == [5, 5]
        for writer in writers:
            writer.close()
