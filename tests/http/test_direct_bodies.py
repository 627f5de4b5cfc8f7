"""Bodies so large that they are received straight from the socket: the same answers as to small ones."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from lamella.model import Digest
from lamella.server.http import limits
from tests.http.conftest import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.http.conftest import Client

DATA = os.urandom(limits.DIRECT_SIZE + 1_000_001)
DIGEST = Digest.of(DATA)
CLOSING = {"digest": str(DIGEST)}


async def check_stored(registry: Client) -> None:
    assert (await registry.ask("GET", f"a/blobs/{DIGEST}")).body == DATA
    assert registry.partial_files() == []


async def raw(
    registry: Client, method: str, path: str, *headers: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin a request with a large body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", registry.port)
    lines = (f"{method} {path} HTTP/1.1", "Host: a", f"Content-Length: {len(DATA)}", *headers, "", "")
    writer.write("\r\n".join(lines).encode())
    return reader, writer


async def received(registry: Client, location: str, size: int) -> None:
    """Wait until an upload has so many bytes."""
    async with asyncio.timeout(10):
        while (await registry.ask("GET", location)).headers["Range"] != f"0-{size - 1}":  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("patch", [True, False])
async def test_a_large_body(registry: Client, patch: bool) -> None:
    location = await registry.begin("a")
    if patch:
        answer = await registry.ask("PATCH", location, data=DATA, headers={"Content-Range": f"0-{len(DATA) - 1}"})
        assert (answer.status, answer.headers["Range"]) == (202, f"0-{len(DATA) - 1}")
    answer = await registry.ask("PUT", location, params=CLOSING, data=b"" if patch else DATA)
    assert answer.status == 201
    assert (answer.headers.get("Connection") == "close") == (not patch)
    await check_stored(registry)


async def test_after_a_small_part(registry: Client) -> None:
    """What waited in memory is written before what comes from the socket."""
    location = await registry.begin("a")
    assert (await registry.ask("PATCH", location, data=DATA[:1000])).status == 202
    assert (await registry.ask("PUT", location, params=CLOSING, data=DATA[1000:])).status == 201
    await check_stored(registry)


async def test_a_client_that_pauses_and_one_that_waits_to_be_told(registry: Client) -> None:
    location = await registry.begin("a")
    reader, writer = await raw(registry, "PUT", f"{location}?digest={DIGEST}", "Expect: 100-continue")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    for start in range(0, len(DATA), 1 << 20):
        writer.write(DATA[start : start + (1 << 20)])
        await writer.drain()
        await asyncio.sleep(0.02)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    assert await reader.read() == b""
    writer.close()
    await check_stored(registry)


async def test_a_cut_connection_is_resumed(registry: Client) -> None:
    location = await registry.begin("a")
    _, writer = await raw(registry, "PATCH", location)
    writer.write(DATA[:3_000_000])
    await writer.drain()
    writer.close()
    await received(registry, location, 3_000_000)
    headers = {"Content-Range": f"3000000-{len(DATA) - 1}"}
    assert (await registry.ask("PUT", location, params=CLOSING, data=DATA[3_000_000:], headers=headers)).status == 201
    await check_stored(registry)


async def test_a_client_that_stops_is_told_and_may_go_on(registry: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.1)
    location = await registry.begin("a")
    reader, writer = await raw(registry, "PATCH", location)
    writer.write(DATA[:2_000_000])
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in head
    writer.close()
    await received(registry, location, 2_000_000)


async def test_a_wrong_digest_is_refused(registry: Client) -> None:
    location = await registry.begin("a")
    params = {"digest": str(Digest.of(b"other"))}
    answer = await registry.ask("PUT", location, params=params, data=DATA)
    assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])
    assert registry.partial_files() == []


async def test_a_chunk_out_of_order_is_refused(registry: Client) -> None:
    location = await registry.begin("a")
    reader, writer = await raw(registry, "PATCH", location, f"Content-Range: 1-{len(DATA)}")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 416 ")
    writer.close()
    await received(registry, location, 1)


async def test_a_blob_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, max_blob_size=len(DATA) - 1) as registry:
        location = await registry.begin("a")
        reader, writer = await raw(registry, "PUT", f"{location}?digest={DIGEST}")
        writer.write(DATA[:2_000_000])
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        writer.close()
        assert registry.partial_files() == []


async def test_a_stream_of_unknown_length(registry: Client) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(DATA), 100_000):
            yield DATA[start : start + 100_000]

    location = await registry.begin("a")
    assert (await registry.ask("PATCH", location, data=stream())).status == 202
    assert (await registry.ask("PUT", location, params=CLOSING)).status == 201
    await check_stored(registry)


async def test_many_at_once(registry: Client) -> None:
    """More than there are threads: each gets its turn."""
    locations = [await registry.begin(f"r{number}") for number in range(20)]
    answers = await asyncio.gather(
        *(registry.ask("PUT", location, params=CLOSING, data=DATA) for location in locations)
    )
    assert {answer.status for answer in answers} == {201}
    await check_stored(registry)
