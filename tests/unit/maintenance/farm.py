"""A store in use, and collections of its garbage, by a clock that is moved by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lamella.index import StepRecord
from lamella.layers.media_types import INDEX, MANIFEST
from lamella.maintenance.async_pace import AsyncPace
from lamella.maintenance.collector import Collection, Collector
from lamella.maintenance.policy import Policy
from lamella.maintenance.project_usage import ProjectCounter
from lamella.maintenance.tables import Tables
from lamella.model import MEDIA_TYPE_LAYER, BlobName, Descriptor, Digest, Layer, StepResult
from lamella.registry.names import Repository, Tag
from lamella.registry.registry import Registry
from lamella.store import LocalStore
from lamella.store.small_blobs import write_blob
from tests.unit.index.test_tables import STEP

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.store import BlobStore

DAY = 86400.0
SCOPE = "default/app@main"


async def read_action(store: BlobStore, encoded: bytes) -> set[Digest]:
    """Actions are, here, digests as text."""
    return {Digest.parse(text) for text in encoded.decode().split()}


class Farm:
    def __init__(self, folder: Path, max_size: int | None = None) -> None:
        self.now = 1_800_000_000.0
        self.steady = self.clock
        self.folder = folder
        self._max_size = max_size
        self.open()

    def open(self) -> None:
        self.store = LocalStore(self.folder, clock=self.clock, max_size=self._max_size)
        self.registry = Registry(self.store.index, self.store.blobs, self.store, self.store.uploads)
        self.tables = Tables(self.store)

    def clock(self) -> float:
        return self.now

    def policy(self, **policy: Any) -> Policy:
        return Policy(**policy)

    async def collect(self, *, dry_run: bool = False, **policy: Any) -> Collection:
        """Collect garbage; a moment passes before, so that what was just written is not being used meanwhile."""
        self.now += 2
        return await self.collector().collect(self.policy(**policy), dry_run=dry_run)

    def collector(self, pace: AsyncPace | None = None) -> Collector:
        return Collector(self.store, read_action, self.store.chunks_of, pace or AsyncPace(1), self.steady)

    def counter(self, pace: AsyncPace | None = None) -> ProjectCounter:
        return ProjectCounter(self.store, read_action, self.store.chunks_of, pace or AsyncPace(1))

    async def blob(self, data: bytes | int) -> Digest:
        """Store a blob: some bytes, or so many of them."""
        data = data if isinstance(data, bytes) else bytes([data % 251]) * data
        digest = Digest.of(data)
        await write_blob(self.store, digest, data)
        return digest

    async def step(self, name: str, layer: Digest | None, scope: str = SCOPE) -> Digest:
        """Commit a step with a stored layer; returns its key."""
        key = Digest.of(name.encode())
        stored = None
        if layer is not None:
            size = (await self.store.stat(layer)).size
            stored = Layer(Descriptor(layer, size, MEDIA_TYPE_LAYER), layer)
        record = StepRecord(STEP, StepResult(stored, "{}", 1.0, "one", 1e9))
        await self.tables.steps.put_if_absent(scope, key, record)
        return key

    async def action(self, name: str, *outputs: Digest) -> Digest:
        key = Digest.of(name.encode())
        assert not await self.tables.actions.put(SCOPE, key, " ".join(map(str, outputs)).encode(), outputs)
        return key

    async def image(
        self,
        tag: str,
        *layers: Digest,
        subject: BlobName | None = None,
        cache: bool = False,
        layer_type: str = MEDIA_TYPE_LAYER,
    ) -> Digest:
        """Push an image as ``repository:tag``, or without a tag by its digest; returns its manifest."""
        kind = "application/vnd.buildkit.cacheconfig.v0" if cache else "application/vnd.oci.image.config.v1+json"
        config = await self.blob(json.dumps({"for": [tag, *map(str, layers)]}).encode())
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": await self._descriptor(config, kind),
            "layers": [await self._descriptor(layer, layer_type) for layer in layers],
        }
        if subject is not None:
            document["subject"] = {"mediaType": MANIFEST, "digest": str(subject), "size": 1}
        return await self._push(tag, document)

    async def bundle(self, tag: str, *children: Digest) -> Digest:
        """Push an index."""
        described = [await self._descriptor(child, MANIFEST) for child in children]
        return await self._push(tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": described})

    async def pull(self, tag: str) -> None:
        repository, _, name = tag.partition(":")
        await self.registry.caches.resolve(Repository(repository), Tag(name))
        await self.settle()

    async def settle(self) -> None:
        """Wait for what is written in the background."""
        await self.store.index.write(lambda _: None)

    async def has(self, *digests: Digest) -> list[bool]:
        found = self.store.blobs.get_many(digests)
        return [digest in found for digest in digests]

    def has_step(self, key: Digest, scope: str = SCOPE) -> bool:
        return self.tables.steps.get(scope, key) is not None

    def has_tag(self, tag: str) -> bool:
        repository, _, name = tag.partition(":")
        return self.tables.manifests.get_tagged(repository, name) is not None

    def has_manifest(self, repository: str, digest: Digest) -> bool:
        return self.tables.manifests.get(repository, digest) is not None

    async def _push(self, tag: str, document: dict[str, Any]) -> Digest:
        repository, _, name = tag.partition(":")
        body = json.dumps(document).encode()
        reference = Tag(name) if name else Digest.of(body)
        return (await self.registry.manifests.put(Repository(repository), reference, body)).digest

    async def _descriptor(self, digest: Digest, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": str(digest), "size": (await self.store.stat(digest)).size}
