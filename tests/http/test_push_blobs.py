"""Specification 1.1, "Pushing blobs": monolithic, in chunks, cancelled, mounted."""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING

import aiohttp
import pytest

from lamella.model import Digest
from lamella.registry import uploads
from lamella.server.http import body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.http.conftest import Client

DATA = os.urandom(300_000)
DIGEST = Digest.of(DATA)
OCTETS = {"Content-Type": "application/octet-stream"}


async def stored(registry: Client, repository: str = "a", digest: Digest = DIGEST) -> bytes:
    answer = await registry.ask("GET", f"{repository}/blobs/{digest}")
    assert answer.status == 200
    return answer.body


async def test_post_then_put(registry: Client) -> None:
    """POST then PUT: 202 with a Location of its own, then 201 with a pullable Location."""
    begun = await registry.ask("POST", "a/blobs/uploads/", headers={"Content-Length": "0"})
    assert begun.status == 202
    location = begun.headers["Location"]
    assert location != await registry.begin("a")
    finished = await registry.ask("PUT", location, params={"digest": str(DIGEST)}, data=DATA, headers=OCTETS)
    assert (finished.status, finished.headers["Docker-Content-Digest"]) == (201, str(DIGEST))
    assert (await registry.ask("GET", finished.headers["Location"])).body == DATA


@pytest.mark.parametrize("path", ["a/blobs/uploads/", "a/blobs/uploads"])
async def test_single_post(registry: Client, path: str) -> None:
    """Single POST: 201 with a pullable Location, and no session left."""
    answer = await registry.ask("POST", path, params={"digest": str(DIGEST)}, data=DATA, headers=OCTETS)
    assert answer.status == 201
    assert (await registry.ask("GET", answer.headers["Location"])).body == DATA
    assert registry.partial_files() == []


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", b""], ids=["short", "long", "empty"])
async def test_the_digest_must_match_the_content(registry: Client, data: bytes) -> None:
    """Single POST, POST then PUT: a blob that is not what its digest says is refused, and nothing of it is kept."""
    params = {"digest": str(DIGEST)}
    single = await registry.ask("POST", "a/blobs/uploads/", params=params, data=data)
    assert (single.status, single.codes) == (400, ["DIGEST_INVALID"])
    location = await registry.begin("a")
    put = await registry.ask("PUT", location, params=params, data=data)
    assert (put.status, put.codes) == (400, ["DIGEST_INVALID"])
    assert (await registry.ask("HEAD", f"a/blobs/{DIGEST}")).status == 404
    assert (await registry.ask("GET", location)).status == 404
    assert registry.partial_files() == []


@pytest.mark.parametrize("params", [{}, {"digest": ""}, {"digest": "sha256:x"}, {"digest": f"md5:{'0' * 32}"}])
async def test_the_closing_put_must_have_a_digest(registry: Client, params: dict[str, str]) -> None:
    """Pushing a blob in chunks: "The closing PUT request MUST include the <digest> of the whole blob"."""
    location = await registry.begin("a")
    answer = await registry.ask("PUT", location, params=params, data=DATA)
    assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])
    assert (await registry.ask("GET", location)).status == 204


@pytest.mark.parametrize("last_in_put", [True, False])
async def test_chunks_in_order(registry: Client, last_in_put: bool) -> None:
    """Pushing a blob in chunks: each is 202 with Location and Range; the last may come in the closing PUT."""
    location = await registry.begin("a")
    chunks = [(0, 100_000), (100_000, 100_001), (100_001, 300_000)]
    for start, end in chunks[:-1] if last_in_put else chunks:
        headers = {**OCTETS, "Content-Range": f"{start}-{end - 1}"}
        answer = await registry.ask("PATCH", location, data=DATA[start:end], headers=headers)
        assert (answer.status, answer.headers["Range"]) == (202, f"0-{end - 1}")
        location = answer.headers["Location"]
        status = await registry.ask("GET", location)
        assert (status.status, status.headers["Range"]) == (204, f"0-{end - 1}")
        assert status.headers["Location"] == location
    headers = {**OCTETS, "Content-Range": "100001-299999"} if last_in_put else {"Content-Length": "0"}
    data = DATA[100_001:] if last_in_put else b""
    answer = await registry.ask("PUT", location, params={"digest": str(DIGEST)}, data=data, headers=headers)
    assert answer.status == 201
    assert await stored(registry) == DATA
    assert (await registry.ask("GET", location)).codes == ["BLOB_UPLOAD_UNKNOWN"]


@pytest.mark.parametrize(
    "content_range", ["0-99", "50-149", "200-299", "bytes 100-199/300", "100", "199-100", "x-y", "-5"]
)
async def test_a_chunk_out_of_order_is_416(registry: Client, content_range: str) -> None:
    """Pushing a blob in chunks: "the registry MUST respond with a 416"; the upload goes on where it was."""
    location = await registry.begin("a")
    headers = {"Content-Range": "0-99"}
    assert (await registry.ask("PATCH", location, data=DATA[:100], headers=headers)).status == 202
    for method, params in (("PATCH", {}), ("PUT", {"digest": str(DIGEST)})):
        headers = {"Content-Range": content_range}
        answer = await registry.ask(method, location, params=params, data=DATA[100:200], headers=headers)
        assert (answer.status, answer.codes) == (416, ["BLOB_UPLOAD_INVALID"])
        assert (answer.headers["Range"], answer.headers["Location"]) == ("0-99", location)
    headers = {"Content-Range": "100-299999"}
    assert (await registry.ask("PATCH", location, data=DATA[100:], headers=headers)).status == 202
    assert (await registry.ask("PUT", location, params={"digest": str(DIGEST)})).status == 201


async def test_the_first_chunk_must_begin_with_0(registry: Client) -> None:
    """Pushing a blob in chunks: "The first chunk's range MUST begin with 0"."""
    location = await registry.begin("a")
    answer = await registry.ask("PATCH", location, data=DATA[:100], headers={"Content-Range": "1-100"})
    assert answer.status == 416


async def test_a_content_range_of_another_length_than_the_body_is_refused(registry: Client) -> None:
    location = await registry.begin("a")
    answer = await registry.ask("PATCH", location, data=DATA[:100], headers={"Content-Range": "0-98"})
    assert (answer.status, answer.codes) == (400, ["SIZE_INVALID"])

    async def more() -> AsyncIterator[bytes]:
        yield DATA[:100]

    answer = await registry.ask("PATCH", location, data=more(), headers={"Content-Range": "0-98"})
    assert (answer.status, answer.codes) == (400, ["SIZE_INVALID"])


async def test_a_stream_without_a_range_is_appended(registry: Client) -> None:
    """Docker's and buildah's way: one PATCH with chunked transfer encoding, then an empty PUT."""

    async def stream(data: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(data), 7000):
            yield data[start : start + 7000]

    location = await registry.begin("a")
    for part in (DATA[:1000], DATA[1000:]):
        answer = await registry.ask("PATCH", location, data=stream(part))
        assert answer.status == 202
    assert (await registry.ask("PUT", location, params={"digest": str(DIGEST)})).status == 201
    assert await stored(registry) == DATA


async def _cut(registry: Client, location: str, data: bytes, announced: int) -> None:
    """Send a PATCH whose connection breaks before its end, and wait until the registry has noticed."""
    _, writer = await asyncio.open_connection("127.0.0.1", registry.port)
    writer.write(f"PATCH {location} HTTP/1.1\r\nHost: a\r\nContent-Length: {announced}\r\n\r\n".encode() + data)
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()


async def test_resumption_after_a_dropped_connection(registry: Client) -> None:
    """Resumable Push: what came before the connection broke need not be sent again."""
    location = await registry.begin("a")
    await _cut(registry, location, DATA[:200_000], len(DATA))
    async with asyncio.timeout(10):
        while (status := await registry.ask("GET", location)).headers["Range"] != "0-199999":
            assert status.status == 204
            await asyncio.sleep(0.01)
    headers = {"Content-Range": f"200000-{len(DATA) - 1}"}
    assert (await registry.ask("PATCH", location, data=DATA[200_000:], headers=headers)).status == 202
    assert (await registry.ask("PUT", location, params={"digest": str(DIGEST)})).status == 201
    assert await stored(registry) == DATA


async def test_a_body_that_stops_coming_ends_its_request_but_not_its_upload(
    registry: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.1)
    location = await registry.begin("a")
    reader, writer = await asyncio.open_connection("127.0.0.1", registry.port)
    writer.write(f"PATCH {location} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n".encode() + b"x" * 10)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in head
    assert (await registry.ask("GET", location)).headers["Range"] == "0-9"


def _locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def test_a_second_request_for_the_same_upload_waits_for_the_first(
    registry: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload has one request at a time: chunks cannot mix, and a retry outlives the request it replaces."""
    monkeypatch.setattr(uploads, "BUSY_SECONDS", 0.3)
    location = await registry.begin("a")
    gate = asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        yield DATA[:10]
        await gate.wait()

    first = asyncio.create_task(registry.ask("PATCH", location, data=held()))
    async with asyncio.timeout(10):
        while not _locked(registry.partial_files()[0]):  # noqa: ASYNC110 - the lock is another file's
            await asyncio.sleep(0.01)
    second = await registry.ask("PATCH", location, data=b"x")
    assert second.status == 429
    assert second.codes == ["TOOMANYREQUESTS"]
    assert second.headers["Retry-After"] == "1"
    waiting = asyncio.create_task(registry.ask("PATCH", location, data=DATA[10:]))
    await asyncio.sleep(0.1)
    gate.set()
    assert (await first).status == 202
    assert (await waiting).status == 202
    assert (await registry.ask("PUT", location, params={"digest": str(DIGEST)})).status == 201


async def test_cancel(registry: Client) -> None:
    """Cancel a blob upload (end-14): 204, and the session is unknown afterwards."""
    location = await registry.begin("a")
    await registry.ask("PATCH", location, data=DATA)
    assert (await registry.ask("DELETE", location)).status == 204
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = await registry.ask(method, location, params={"digest": str(DIGEST)})
        assert (answer.status, answer.codes) == (404, ["BLOB_UPLOAD_UNKNOWN"])
    assert registry.partial_files() == []


async def test_unfinished_uploads_time_out(registry: Client) -> None:
    """Cancel a blob upload: "the server SHOULD eventually timeout unfinished uploads"."""
    locations = [await registry.begin("a") for _ in range(50)]
    assert len(registry.partial_files()) == 50
    assert await registry.store.uploads.expire(lifetime=-1) == 50
    assert (await registry.ask("GET", locations[0])).status == 404


@pytest.mark.parametrize("session", ["x", "..", "%2e%2e%2fformat", "0" * 31, "A" * 32, "0" * 5000])
async def test_a_session_that_was_never_begun_is_unknown(registry: Client, session: str) -> None:
    answer = await registry.ask("GET", f"a/blobs/uploads/{session}")
    assert answer.status in (404, 400)
    assert registry.partial_files() == []


async def test_a_session_belongs_to_its_repository(registry: Client) -> None:
    location = await registry.begin("a")
    assert (await registry.ask("GET", location.replace("/v2/a/", "/v2/b/"))).codes == ["BLOB_UPLOAD_UNKNOWN"]


async def test_mounting_from_another_repository(registry: Client) -> None:
    """Mounting a blob (end-11): 201 with a Location in the repository it was mounted to."""
    await registry.push_blob("a", DATA)
    answer = await registry.ask("POST", "b/blobs/uploads/", params={"mount": str(DIGEST), "from": "a"})
    assert (answer.status, answer.headers["Location"]) == (201, f"/v2/b/blobs/{DIGEST}")
    assert answer.headers["Docker-Content-Digest"] == str(DIGEST)
    assert await stored(registry, "b") == DATA


async def test_mounting_without_from(registry: Client) -> None:
    """Mounting a blob: the registry may mount what it finds in any repository."""
    await registry.push_blob("a", DATA)
    answer = await registry.ask("POST", "b/blobs/uploads/", params={"mount": str(DIGEST)})
    assert answer.status == 201


@pytest.mark.parametrize("params", [{"mount": str(DIGEST), "from": "a"}, {"mount": str(DIGEST)}, {"mount": "x"}])
async def test_what_cannot_be_mounted_begins_an_upload(registry: Client, params: dict[str, str]) -> None:
    """Mounting a blob: "it SHOULD return a 202", and the upload goes on as usual."""
    answer = await registry.ask("POST", "b/blobs/uploads/", params=params)
    assert answer.status == 202
    done = await registry.ask("PUT", answer.headers["Location"], params={"digest": str(DIGEST)}, data=DATA)
    assert done.status == 201


async def test_a_wrong_source_of_a_mount_begins_an_upload(registry: Client) -> None:
    await registry.push_blob("a", DATA)
    answer = await registry.ask("POST", "b/blobs/uploads/", params={"mount": str(DIGEST), "from": "A/../b"})
    assert answer.status == 202


async def test_a_client_that_waits_for_100_continue_is_told_to_go_on(registry: Client) -> None:
    """RFC 9110, 10.1.1."""
    answer = await registry.ask("POST", "a/blobs/uploads/", params={"digest": str(DIGEST)}, data=DATA, expect100=True)
    assert answer.status == 201


async def test_a_content_encoding_is_not_undone(registry: Client) -> None:
    """A blob is the bytes that were sent, whatever they are."""
    headers = {"Content-Encoding": "gzip"}
    answer = await registry.ask("POST", "a/blobs/uploads/", params={"digest": str(DIGEST)}, data=DATA, headers=headers)
    assert answer.status == 201


async def test_the_same_blob_from_many_clients_at_once(registry: Client) -> None:
    """Layer Upload De-duplication: all are answered, one copy is kept."""

    async def push(repository: str) -> int:
        location = await registry.begin(repository)
        return (await registry.ask("PUT", location, params={"digest": str(DIGEST)}, data=DATA)).status

    assert set(await asyncio.gather(*(push(f"r{number % 3}") for number in range(16)))) == {201}
    assert registry.store.blobs.count() == 1
    assert registry.partial_files() == []


async def test_a_cut_off_post_leaves_nothing(registry: Client) -> None:
    """Single POST: a body that is shorter than its Content-Length is no blob."""

    async def breaking() -> AsyncIterator[bytes]:
        yield DATA[:1000]
        raise ConnectionAbortedError

    with pytest.raises((ConnectionAbortedError, aiohttp.ClientError)):
        await registry.ask("POST", "a/blobs/uploads/", params={"digest": str(DIGEST)}, data=breaking())
    assert (await registry.ask("HEAD", f"a/blobs/{DIGEST}")).status == 404
    assert registry.partial_files() == []
