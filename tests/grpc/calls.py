"""What tests say to the server."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import grpc.aio
import pytest
from google.rpc.status_pb2 import Status

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ContentAddressableStorageStub
from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lamella.index import Place
    from tests.grpc.conftest import Server

PIECE = 1 << 20


def digest_of(data: bytes) -> reapi.Digest:
    return reapi.Digest(hash=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def read_name(data: bytes, kind: str = "blobs", instance: str = "") -> str:
    digest = digest_of(data)
    return f"{instance}/{kind}/{digest.hash}/{digest.size_bytes}".lstrip("/")


def write_name(data: bytes, kind: str = "blobs", instance: str = "", uuid: str = "") -> str:
    return f"{instance}/uploads/{uuid or uuid4()}/{read_name(data, kind)}".lstrip("/")


def write_requests(
    name: str, data: bytes, start: int = 0, piece: int = PIECE, finish: bool = True
) -> list[stream.WriteRequest]:
    """Return the messages that send ``data`` from ``start`` on; what was sent before is part of ``data``."""
    offsets = range(start, len(data), piece) or [start]
    requests = [
        stream.WriteRequest(
            resource_name=name if offset == start else "", write_offset=offset, data=data[offset : offset + piece]
        )
        for offset in offsets
    ]
    requests[-1].finish_write = finish
    return requests


async def upload(channel: grpc.aio.Channel, data: bytes, **name: str) -> int:
    response = await ByteStreamStub(channel).Write(iter(write_requests(write_name(data, **name), data)))
    return int(response.committed_size)


async def download(channel: grpc.aio.Channel, name: str, offset: int = 0, limit: int = 0) -> bytes:
    request = stream.ReadRequest(resource_name=name, read_offset=offset, read_limit=limit)
    return b"".join([response.data async for response in ByteStreamStub(channel).Read(request)])


async def is_missing(channel: grpc.aio.Channel, data: bytes) -> bool:
    request = reapi.FindMissingBlobsRequest(blob_digests=[digest_of(data)])
    response = await ContentAddressableStorageStub(channel).FindMissingBlobs(request)
    return len(response.missing_blob_digests) == 1


@contextmanager
def refused(code: grpc.StatusCode, text: str = "") -> Iterator[pytest.ExceptionInfo[grpc.aio.AioRpcError]]:
    """Expect a call to end with a status whose message holds ``text``."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        yield caught
    assert caught.value.code() is code, caught.value.details()
    assert text in str(caught.value.details())


def details_of(error: grpc.aio.AioRpcError) -> Status:
    metadata: Any = error.trailing_metadata()
    return Status.FromString(dict(metadata)["grpc-status-details-bin"])


def blob_files(server: Server) -> list[str]:
    """Return the files of blobs and uploads that this process has open."""
    return open_files(server, "blobs", "uploads", "temporary")


def open_files(server: Server, *folders: str) -> list[str]:
    """Return the files in folders of the store that this process has open."""
    names = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(link.readlink()))
    return sorted(name for name in names if any(name.startswith(f"{server.folder / folder}/") for folder in folders))


def place_of(server: Server, data: bytes) -> Place | None:
    record = server.store.blobs.get(Digest.of(data))
    return None if record is None else record.place


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until something is so; a test that waits in vain fails by its timeout."""
    while not condition():  # noqa: ASYNC110 - what tests wait for tells nobody
        await asyncio.sleep(0.01)
