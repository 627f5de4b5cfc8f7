"""Caches as BuildKit exports them, made up or recorded."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lamella.layers.media_types import MANIFEST
from lamella.model import MEDIA_TYPE_LAYER, Descriptor, Digest
from lamella.registry.buildkit_cache import (
    NO_PARENT,
    CacheConfig,
    CacheLayer,
    CacheManifest,
    CacheRecord,
    LayerTree,
    Link,
)
from lamella.registry.buildkit_cache_write import write_cache
from lamella.registry.manifest import BUILDKIT_CONFIG

RECORDED = Path(__file__).parents[2] / "data" / "buildkit"
"""What BuildKit v0.13 (Docker 26.1.5) exported from two Dockerfiles that end differently, each built from scratch."""

TIMES = ("2026-08-17T17:56:17.020188114Z", "2024-02-29T00:00:00+02:00", "")
BLOBS = [Digest.of(f"layer {number}".encode()) for number in range(6)]


def descriptor_of(blob: Digest) -> bytes:
    return json.dumps({"mediaType": MEDIA_TYPE_LAYER, "digest": str(blob), "size": 10}).encode()


DESCRIPTORS = {blob: descriptor_of(blob) for blob in BLOBS}


def manifest_of(config: CacheConfig) -> CacheManifest:
    layers = {layer.blob: descriptor_of(layer.blob) for layer in config.layers}
    return CacheManifest(MANIFEST, Descriptor(Digest.of(b""), 0, BUILDKIT_CONFIG), layers)


def caches(*, loops: bool = False) -> st.SearchStrategy[CacheConfig]:
    """Caches of few digests and selectors, so that several have much in common.

    Only where ``loops`` is true may a step's key come up again further up, so that uniting caches makes loops.
    """
    return st.integers(0, (1 << 32) - 1).map(lambda seed: made_up(random.Random(seed), loops=loops))


def made_up(chance: random.Random, *, loops: bool) -> CacheConfig:
    tree = LayerTree()
    for _ in range(chance.randint(0, 6)):
        tree.add(CacheLayer(chance.choice(BLOBS), chance.randint(NO_PARENT, len(tree.layers) - 1)))
    records: list[CacheRecord] = []
    heights: list[int] = []
    for _ in range(chance.randint(0, 10)):
        inputs = tuple(
            frozenset(
                Link(chance.choice(["", "selected"]), chance.randrange(len(records)))
                for _ in range(chance.randint(1, 3))
            )
            for _ in range(chance.randint(0, 2) if records else 0)
        )
        heights.append(max((heights[link.record] + 1 for links in inputs for link in links), default=0))
        name = chance.randint(0, 1 if heights[-1] else 3)
        digest = f"step {name}" if loops else f"step {heights[-1]}.{name}"
        tops = chance.sample(range(len(tree.layers)), chance.randint(0, min(2, len(tree.layers))))
        results = {top: chance.choice(TIMES) for top in tops}
        records.append(CacheRecord(str(Digest.of(digest.encode())), inputs, results))
    return CacheConfig(tree.layers, records)


def shuffled(config: CacheConfig, seed: int) -> bytes:
    """Write a cache with its layers, records and links in some other order."""
    chance = random.Random(seed)
    document: dict[str, Any] = json.loads(write_cache(config, MANIFEST, manifest_of(config).layers).config)
    layers, records = document["layers"], document["records"]
    layer_order, record_order = list(range(len(layers))), list(range(len(records)))
    chance.shuffle(layer_order)
    chance.shuffle(record_order)
    moved_layers = {old: new for new, old in enumerate(layer_order)} | {NO_PARENT: NO_PARENT}
    moved_records = {old: new for new, old in enumerate(record_order)}
    for layer in layers:
        layer["parent"] = moved_layers[layer["parent"]]
        if layer["parent"] == 0:
            del layer["parent"]
    for record in records:
        for result in record.get("layers", ()):
            result["layer"] = moved_layers[result["layer"]]
        for links in record.get("inputs", ()):
            chance.shuffle(links)
            for link in links:
                link["link"] = moved_records[link["link"]]
    return json.dumps(
        {"layers": [layers[at] for at in layer_order], "records": [records[at] for at in record_order]}
    ).encode()


def stack(config: CacheConfig, top: int) -> tuple[Digest, ...]:
    """The blobs of a result, from the lowest layer up."""
    blobs: list[Digest] = []
    while top != NO_PARENT:
        blobs.append(config.layers[top].blob)
        top = config.layers[top].parent
    return tuple(reversed(blobs))


def find(config: CacheConfig, digest: str, inputs: list[set[Link]]) -> list[int]:
    """Look a step up as a builder does: by its digest, and one known alternative for each input."""
    return [
        at
        for at, record in enumerate(config.records)
        if record.digest == digest
        and len(record.inputs) == len(inputs)
        and all(links & known for links, known in zip(record.inputs, inputs, strict=True))
    ]
