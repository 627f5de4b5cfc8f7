"""Specification 1.1, "API": determining support, endpoints, error codes; and what reaches the port that is no HTTP."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from lamella.server.http import connection, limits

if TYPE_CHECKING:
    from tests.http.conftest import Client


async def test_determining_support_200_on_the_base_path(registry: Client) -> None:
    """Determining Support (end-1), with the legacy header that Docker's clients look for."""
    for path in ("/v2/", "/v2"):
        answer = await registry.ask("GET", path)
        assert answer.status == 200
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert (await registry.ask("HEAD", "/v2/")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "UNSUPPORTED"),
        ("GET", "/v1/_ping", 404, "UNSUPPORTED"),
        ("GET", "/v2/a/b", 404, "UNSUPPORTED"),
        ("GET", "/v2/a/manifests/", 404, "UNSUPPORTED"),
        ("GET", "/v2/a/b/tags/list", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/A/tags/list", 400, "NAME_INVALID"),
        ("GET", "/v2/tags/list", 400, "NAME_INVALID"),
        ("GET", f"/v2/{'a' * 256}/tags/list", 400, "NAME_INVALID"),
        ("GET", "/v2/a/blobs/sha256:12", 400, "DIGEST_INVALID"),
        ("GET", f"/v2/a/blobs/sha384:{'0' * 96}", 400, "DIGEST_INVALID"),
        ("GET", f"/v2/a/blobs/sha256:{'0' * 64}", 404, "BLOB_UNKNOWN"),
        ("GET", f"/v2/a/blobs/uploads/{'0' * 32}", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("GET", "/v2/a/manifests/sha256:12", 400, "DIGEST_INVALID"),
    ],
)
async def test_error_codes_have_the_json_format(
    registry: Client, method: str, path: str, status: int, code: str
) -> None:
    """Error Codes: a JSON body has the list ``errors``, each with an upper-case code."""
    answer = await registry.ask(method, path)
    assert (answer.status, answer.codes) == (status, [code])
    assert set(answer.json["errors"][0]) == {"code", "message", "detail"}
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


async def test_another_method_is_405_and_says_which_are_allowed(registry: Client) -> None:
    answer = await registry.ask("DELETE", "/v2/a/tags/list")
    assert (answer.status, answer.headers["Allow"], answer.codes) == (405, "GET", ["UNSUPPORTED"])
    answer = await registry.ask("POST", "/v2/")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


async def _say(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    finally:
        writer.close()


def _client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


async def test_a_tls_client_hello_is_answered_in_plain_http(registry: Client) -> None:
    answer = await _say(registry.port, _client_hello())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b'"errors"' in body


@pytest.mark.parametrize(
    "data", [b"\0" * 64, b"GET /v2/ HTTP/9.9\r\n\r\n", b"GET /v2/ HTTP/1.1\r\nA" + b"a" * 100_000, b"A" * 100_000]
)
async def test_what_is_no_request_is_answered_with_400(registry: Client, data: bytes) -> None:
    assert (await _say(registry.port, data)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_a_connection_that_never_asks_is_closed(registry: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_REQUEST_SECONDS", 0.05)
    assert await _say(registry.port, b"GET /v2/ HTTP/1.1\r\nHost: a\r\n") == b""
    assert limits.FIRST_REQUEST_SECONDS > 1


async def test_one_connection_serves_many_requests_at_a_time_and_after_an_error(registry: Client) -> None:
    request = b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"
    wrong = b"GET /v2/A/tags/list HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = await _say(registry.port, request + wrong + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.count(b"HTTP/1.1 400 Bad Request") == 1
