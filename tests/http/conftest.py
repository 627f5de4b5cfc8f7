"""A registry on a port of the kernel's choice, over a temporary store."""

from __future__ import annotations

import io
import json
import shutil
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from lamella.index import CounterTable
from lamella.model import Digest
from lamella.registry.registry import Registry
from lamella.server.http.call import Services
from lamella.server.http.door import HttpDoor
from lamella.stats.recorder import Recorder
from lamella.store import CoalescingStore, LocalStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection
    from pathlib import Path

    from lamella.model import Descriptor

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass
class Answer:
    """A response that was read to its end."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The error codes of the specification's error body."""
        assert self.headers["Content-Type"].startswith("application/json")
        return [error["code"] for error in self.json["errors"]]


def descriptor(data: bytes, media_type: str = LAYER, **fields: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data), **fields}


def image(*layers: bytes, config: bytes = b"{}", config_type: str = CONFIG, **fields: Any) -> bytes:
    """An image manifest of these blobs."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(config, config_type),
            "layers": [descriptor(layer) for layer in layers],
            **fields,
        }
    ).encode()


def index(*manifests: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests, **fields}).encode()


class Client:
    """Speaks to the registry; paths are relative to ``/v2/``."""

    def __init__(
        self, session: aiohttp.ClientSession, port: int, store: LocalStore, recorder: Recorder, door: HttpDoor
    ) -> None:
        self.accepted: Callable[[Collection[Descriptor]], None] = lambda _: None
        self.session = session
        self.port = port
        self.store = store
        self.recorder = recorder
        self.door = door

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        if isinstance(options.get("data"), bytes):
            options["data"] = io.BytesIO(options["data"])
        url = path if path.startswith("/") else f"/v2/{path}"
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def push_blob(self, repository: str, data: bytes) -> Digest:
        digest = Digest.of(data)
        answer = await self.ask("POST", f"{repository}/blobs/uploads/", params={"digest": str(digest)}, data=data)
        assert answer.status == 201, answer.body
        return digest

    async def push_manifest(self, repository: str, body: bytes, tag: str = "", media_type: str = MANIFEST) -> Digest:
        reference = tag or str(Digest.of(body))
        headers = {"Content-Type": media_type}
        answer = await self.ask("PUT", f"{repository}/manifests/{reference}", data=body, headers=headers)
        assert answer.status == 201, answer.body
        return Digest.of(body)

    async def push_image(self, repository: str, tag: str = "", *layers: bytes, **fields: Any) -> Digest:
        for blob in (fields.get("config", b"{}"), *layers):
            await self.push_blob(repository, blob)
        return await self.push_manifest(repository, image(*layers, **fields), tag)

    async def begin(self, repository: str) -> str:
        answer = await self.ask("POST", f"{repository}/blobs/uploads/")
        assert answer.status == 202
        return str(answer.headers["Location"])

    def partial_files(self) -> list[Path]:
        return sorted((self.store.index.path.parent / "uploads").iterdir())


@asynccontextmanager
async def serving(folder: Path, grace: float = 5.0, **options: Any) -> AsyncIterator[Client]:
    """Serve a store in a folder; ``grace`` is in seconds."""
    async with LocalStore(folder, **options) as local:
        store = CoalescingStore(local)
        recorder = Recorder(CounterTable(local.index))
        clients: list[Client] = []

        def accepted(blobs: Collection[Descriptor]) -> None:
            for client in clients:
                client.accepted(blobs)

        registry = Registry(local.index, local.blobs, store, local.uploads, accepted=accepted)
        door = HttpDoor(Services(registry, store, local, recorder), grace)
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        await door.start(listener)
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", auto_decompress=False) as session:
                clients.append(Client(session, port, local, recorder, door))
                yield clients[0]
        finally:
            await door.stop()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new store's folder, to copy: making one waits for the disk many times."""
    folder = tmp_path_factory.mktemp("empty") / "store"
    LocalStore(folder).close()
    return folder


@pytest.fixture
async def registry(tmp_path: Path, empty_store: Path) -> AsyncIterator[Client]:
    shutil.copytree(empty_store, tmp_path / "store")
    async with serving(tmp_path / "store") as client:
        yield client
