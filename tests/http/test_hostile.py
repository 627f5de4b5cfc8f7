"""Requests that mean harm, or come from something broken: the specification's error, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import yarl

from lamella.model import Digest
from lamella.registry.manifest import MAX_DEPTH
from lamella.server.http import limits
from lamella.server.http.send_file import FIRST_SIZE
from tests.http.conftest import INDEX, MANIFEST, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.http.conftest import Client

DATA = bytes(range(200)) * 5
DIGEST = Digest.of(DATA)

BAD_NAMES = [
    "..",
    "../..",
    "a/../b",
    "a/..",
    ".",
    "a//b",
    "-a",
    "a-",
    "a/-b",
    "A",
    "a_-b",
    "a...b",
    "a\0b",
    "a\nb",
    "a b",
    "\u00e4",
    "%2e%2e",
    "a" * 256,
]


REQUESTS = [
    ("POST", f"blobs/uploads/?digest={DIGEST}"),
    ("POST", "blobs/uploads/"),
    ("PUT", f"blobs/uploads/{'0' * 32}?digest={DIGEST}"),
    ("GET", f"blobs/{DIGEST}"),
    ("PUT", "manifests/v1"),
    ("GET", "manifests/v1"),
    ("GET", "tags/list"),
    ("GET", f"referrers/{DIGEST}"),
]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_name_that_is_none_is_refused(registry: Client, name: str) -> None:
    """Pulling manifests: <name> has one form "throughout this document", so every endpoint refuses any other."""
    for method, rest in REQUESTS:
        url = yarl.URL(f"http://127.0.0.1:{registry.port}/v2/{quote(name, safe='/')}/{rest}", encoded=True)
        async with registry.session.request(method, url, data=None if method == "GET" else DATA) as response:
            answer = await response.json()
        assert (response.status, answer["errors"][0]["code"]) == (400, "NAME_INVALID"), rest
    assert registry.partial_files() == []
    assert registry.store.blobs.count() == 0


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "sha256:" + "G" * 64,
        "SHA256:" + "0" * 64,
        "sha256:" + "A" * 64,
        "sha256",
        "..",
        "sha256:" + "0" * 64 + "\n",
        "x" * 5000,
    ],
)
async def test_a_digest_that_is_none_is_refused(registry: Client, digest: str) -> None:
    url = yarl.URL(f"http://127.0.0.1:{registry.port}/v2/a/blobs/{quote(digest, safe=':')}", encoded=True)
    for method in ("GET", "DELETE"):
        async with registry.session.request(method, url) as response:
            assert response.status == 400
            assert (await response.json())["errors"][0]["code"] == "DIGEST_INVALID"


async def test_a_thousand_uploads_begun_and_abandoned(registry: Client) -> None:
    """They cost an empty file each, hinder nobody, and go."""
    await asyncio.gather(*(registry.begin(f"r{number % 7}") for number in range(1000)))
    assert len(registry.partial_files()) == 1000
    assert {path.stat().st_size for path in registry.partial_files()} == {0}
    await registry.push_blob("a", DATA)
    assert await registry.store.uploads.expire(lifetime=-1) == 1000
    assert registry.partial_files() == []


async def test_a_blob_over_the_limit_is_413_and_leaves_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path / "store", max_blob_size=100_000) as registry:
        large = os.urandom(100_001)
        params = {"digest": str(Digest.of(large))}
        single = await registry.ask("POST", "a/blobs/uploads/", params=params, data=large)
        assert (single.status, single.codes) == (413, ["SIZE_INVALID"])
        location = await registry.begin("a")
        assert (await registry.ask("PATCH", location, data=large[:60_000])).status == 202
        over = await registry.ask("PATCH", location, data=large[60_000:])
        assert (over.status, over.codes) == (413, ["SIZE_INVALID"])
        assert (await registry.ask("GET", location)).status == 404
        assert registry.partial_files() == []


async def test_a_malformed_body_is_400(registry: Client) -> None:
    location = await registry.begin("a")
    reader, writer = await asyncio.open_connection("127.0.0.1", registry.port)
    writer.write(f"PATCH {location} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert (await registry.ask("GET", location)).headers["Range"] == "0-0"


@pytest.mark.parametrize("depth", [MAX_DEPTH, 100_000])
async def test_a_manifest_that_is_nested_deeply_is_400(registry: Client, depth: int) -> None:
    body = b'{"schemaVersion": 2, "x": ' + b"[" * depth + b"]" * depth + b"}"
    answer = await registry.ask("PUT", "a/manifests/v1", data=body, headers={"Content-Type": INDEX})
    assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])
    assert (await registry.ask("GET", "a/manifests/v1")).status == 404


@pytest.mark.parametrize("headers", [{"Content-Length": "5", "Transfer-Encoding": "chunked"}, {"Content-Length": "-5"}])
async def test_a_body_of_two_lengths_is_no_request(registry: Client, headers: dict[str, str]) -> None:
    """RFC 9112, 6.3: what could be read as two different requests must not be read at all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", registry.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(
        f"PUT /v2/a/manifests/v1 HTTP/1.1\r\nHost: a\r\n{lines}\r\n0\r\n\r\nGET /v2/ HTTP/1.1\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_client_of_http_1_0_is_not_told_to_continue(registry: Client) -> None:
    """RFC 9110, 10.1.1: it knows no answer before the last one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", registry.port)
    head = f"POST /v2/a/blobs/uploads/?digest={DIGEST} HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: {len(DATA)}"
    writer.write(f"{head}\r\n\r\n".encode() + DATA)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.0 201 ")


async def test_a_path_of_another_host_is_no_way_out(registry: Client) -> None:
    for path in ("/v2/../../etc/passwd", "/v2/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/v2/a/blobs/../../x"):
        reader, writer = await asyncio.open_connection("127.0.0.1", registry.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        assert answer.split()[1] in (b"400", b"404")
        assert b'"errors"' in answer


async def test_a_client_that_leaves_in_the_middle_of_a_download(registry: Client) -> None:
    large = os.urandom(8 << 20)
    digest = await registry.push_blob("a", large)
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", registry.port)
        writer.write(f"GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await reader.read(1000)
        writer.transport.abort()
    assert (await registry.ask("GET", f"a/blobs/{digest}")).body == large


@pytest.mark.parametrize("in_a_file", [True, False])
async def test_a_client_that_takes_nothing_is_left(
    registry: Client, monkeypatch: pytest.MonkeyPatch, in_a_file: bool
) -> None:
    monkeypatch.setattr(limits, "STALL_SECONDS", 0.2)
    large = os.urandom(32 << 20)
    digest = await registry.push_blob("a", large)
    if not in_a_file:

        async def none(_: Digest) -> None:
            pass

        monkeypatch.setattr(registry.store, "descriptor", none)
    reader, writer = await asyncio.open_connection("127.0.0.1", registry.port, limit=1000)
    writer.write(f"GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    await asyncio.sleep(1)
    received = 0
    while data := await reader.read(1 << 20):
        received += len(data)
    writer.close()
    assert 0 < received < len(large)


async def test_a_client_that_asks_for_many_parts_and_takes_none_is_left(
    registry: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STALL_SECONDS", 0.2)
    digest = await registry.push_blob("a", os.urandom(FIRST_SIZE))
    reader, writer = await asyncio.open_connection("127.0.0.1", registry.port, limit=1000)
    request = f"GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    count = (32 << 20) // FIRST_SIZE
    writer.write(request * count)
    await asyncio.sleep(1)
    received = 0
    with suppress(ConnectionResetError):
        while data := await asyncio.wait_for(reader.read(1 << 20), 5):
            received += len(data)
    writer.close()
    assert 0 < received < count * FIRST_SIZE


async def test_a_store_that_turned_read_only_still_answers(registry: Client) -> None:
    digest = await registry.push_image("a", "v1", DATA)
    registry.store.index.health.fail("a test")
    assert (await registry.ask("GET", "a/manifests/v1")).status == 200
    assert (await registry.ask("GET", f"a/blobs/{DIGEST}")).body == DATA
    for method, path in (
        ("POST", "a/blobs/uploads/"),
        ("POST", f"a/blobs/uploads/?digest={DIGEST}"),
        ("PUT", "a/manifests/v2"),
        ("DELETE", f"a/manifests/{digest}"),
    ):
        pulled = await registry.ask("GET", "a/manifests/v1")
        answer = await registry.ask(method, path, data=pulled.body, headers={"Content-Type": MANIFEST})
        assert (answer.status, answer.codes) == (503, ["UNAVAILABLE"])
        assert answer.headers["Retry-After"] == "1"
