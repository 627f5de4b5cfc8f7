"""Reading and writing BuildKit's caches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lamella.layers.media_types import INDEX, MANIFEST
from lamella.model import Digest
from lamella.registry.buildkit_cache import (
    MAX_SIZE,
    CacheLayer,
    CacheManifest,
    CacheRecord,
    Link,
)
from lamella.registry.buildkit_cache_read import read_cache_config, read_cache_manifest
from lamella.registry.errors import CacheInvalid
from tests.unit.registry.caches import BLOBS, DESCRIPTORS, RECORDED, stack

STEP = str(Digest.of(b"step"))
TIME = "2026-08-17T17:56:17.020188114Z"


def config_descriptor(size: int = 2) -> dict[str, Any]:
    return {
        "mediaType": "application/vnd.buildkit.cacheconfig.v0",
        "digest": str(Digest.of(b"{}")),
        "size": size,
    }


def manifest(*, media_type: str = MANIFEST, **fields: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, **fields}).encode()


KNOWN = read_cache_manifest(
    manifest(config=config_descriptor(), layers=[json.loads(layer) for layer in DESCRIPTORS.values()]), MANIFEST
)


def config(*records: dict[str, Any], layers: list[dict[str, Any]] | None = None) -> bytes:
    return json.dumps({"layers": layers or [], "records": records}).encode()


def layer(number: int, parent: int | None = None) -> dict[str, Any]:
    return {"blob": str(BLOBS[number])} | ({} if parent is None else {"parent": parent})


def test_both_forms_of_a_recorded_cache_say_the_same() -> None:
    forms = {form: (RECORDED / f"done.{form}.json").read_bytes() for form in ("manifest", "index")}
    one, other = (read_cache_manifest(forms["manifest"], MANIFEST), read_cache_manifest(forms["index"], INDEX))
    assert one.config == other.config
    assert {blob: json.loads(raw) for blob, raw in one.layers.items()} == {
        blob: json.loads(raw) for blob, raw in other.layers.items()
    }
    body = (RECORDED / "done.config.json").read_bytes()
    assert (len(body), Digest.of(body)) == (one.config.size, one.config.digest)
    assert read_cache_config(body, one) == read_cache_config(body, other)


def test_a_recorded_config_is_read_as_it_is_documented() -> None:
    document = json.loads((RECORDED / "done.config.json").read_bytes())
    known = read_cache_manifest((RECORDED / "done.manifest.json").read_bytes(), MANIFEST)
    read = read_cache_config(json.dumps(document).encode(), known)
    [last] = [record for record in read.records if record.digest.startswith("sha256:1a3204")]
    [expected] = [record for record in document["records"] if record["digest"] == last.digest]
    [[top, made]] = last.results.items()
    assert made == expected["layers"][0]["createdAt"]
    positions = [expected["layers"][0]["layer"]]
    while (parent := document["layers"][positions[0]].get("parent", 0)) != -1:
        positions.insert(0, parent)
    assert [str(blob) for blob in stack(read, top)] == [document["layers"][at]["blob"] for at in positions]
    [[link]] = last.inputs
    assert read.records[link.record].digest == document["records"][expected["inputs"][0][0]["link"]]["digest"]


def test_a_parent_that_is_not_written_is_the_first_layer() -> None:
    body = config({"digest": STEP, "layers": [{"layer": 1}]}, layers=[layer(0, -1), layer(1)])
    read = read_cache_config(body, KNOWN)
    assert read.layers == [CacheLayer(BLOBS[0], -1), CacheLayer(BLOBS[1], 0)]
    assert read.records == [CacheRecord(STEP, (), {1: ""})]


def test_a_chain_of_layers_is_a_result_like_a_stack() -> None:
    chains = [{"layers": [2, 0], "createdAt": TIME}]
    body = config({"digest": STEP, "chains": chains}, layers=[layer(0, -1), layer(1, 0), layer(2, 1)])
    read = read_cache_config(body, KNOWN)
    [[top, made]] = read.records[0].results.items()
    assert (stack(read, top), made) == ((BLOBS[2], BLOBS[0]), TIME)


def test_records_and_layers_may_come_before_what_they_refer_to() -> None:
    body = config(
        {"digest": STEP, "inputs": [[{"link": 1, "selector": "some"}]], "layers": [{"layer": 0}]},
        {"digest": "source"},
        layers=[layer(0, 1), layer(1, -1)],
    )
    read = read_cache_config(body, KNOWN)
    assert [record.digest for record in read.records] == ["source", STEP]
    assert read.records[1].inputs == (frozenset({Link("some", 0)}),)
    assert stack(read, next(iter(read.records[1].results))) == (BLOBS[1], BLOBS[0])


def test_nulls_mean_nothing() -> None:
    read = read_cache_config(b'{"layers": null, "records": [{"digest": "a", "inputs": null, "layers": null}]}', KNOWN)
    assert read.records == [CacheRecord("a")]
    assert read_cache_config(b"{}", KNOWN).records == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"[]", "the config"),
        (b"{", "the config"),
        (b'{"layers":' + b"[" * 100_000, "the config"),
        (b" " * (MAX_SIZE + 1), "the config"),
        (config(layers=[{"blob": "sha256:1", "parent": -1}]), "layers[0].blob"),
        (config(layers=[{"blob": STEP, "parent": -1}]), "layers[0].blob"),
        (config(layers=[layer(0, -2)]), "layers[0]"),
        (config(layers=[layer(0, 1)]), "layers[0]"),
        (config(layers=[layer(0)]), "layers[0]"),
        (config(layers=[layer(0, 1), layer(1, 0)]), "layers[0]"),
        (config({"digest": ""}), "records[0]"),
        (config({"digest": STEP, "inputs": [[]]}), "records[0]"),
        (config({"digest": STEP, "inputs": [None]}), "the config"),
        (config({"digest": STEP, "inputs": [[{"link": 1}]]}), "records[0]"),
        (config({"digest": STEP, "inputs": [[{"link": -1}]]}), "records[0]"),
        (config({"digest": STEP, "inputs": [[{"link": 0}]]}), "records[0]"),
        (config({"digest": STEP, "layers": [{"layer": 0}]}), "records[0]"),
        (config({"digest": STEP, "layers": [{"layer": -1}]}, layers=[layer(0, -1)]), "records[0]"),
        (config({"digest": STEP, "chains": [{"layers": [0, 1]}]}, layers=[layer(0, -1)]), "records[0]"),
        (config({"digest": STEP, "layers": [{"layer": 0, "createdAt": "now"}]}, layers=[layer(0, -1)]), "records[0]"),
        (
            config(
                {"digest": STEP, "layers": [{"layer": 0, "createdAt": "2026-13-01T00:00:00Z"}]}, layers=[layer(0, -1)]
            ),
            "records[0]",
        ),
    ],
)
def test_a_config_that_buildkit_would_refuse_is_refused(body: bytes, where: str) -> None:
    with pytest.raises(CacheInvalid) as caught:
        read_cache_config(body, KNOWN)
    assert caught.value.field == where


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"{}", MANIFEST),
        (b"{}", INDEX),
        (manifest(config=json.loads(DESCRIPTORS[BLOBS[0]])), MANIFEST),
        (manifest(manifests=[config_descriptor(), config_descriptor()]), INDEX),
        (manifest(config=config_descriptor(), layers=[{"digest": "sha256:1"}]), MANIFEST),
        (manifest(config=config_descriptor(MAX_SIZE + 1)), MANIFEST),
        (manifest(config=config_descriptor(), annotations={"a": " " * MAX_SIZE}), MANIFEST),
    ],
)
def test_a_manifest_that_buildkit_would_refuse_is_refused(body: bytes, media_type: str) -> None:
    with pytest.raises(CacheInvalid):
        read_cache_manifest(body, media_type)


def test_a_layer_that_the_manifest_does_not_name_is_refused() -> None:
    with pytest.raises(CacheInvalid, match=r"layers\[0\]"):
        read_cache_config(config(layers=[layer(0, -1)]), CacheManifest(MANIFEST, KNOWN.config, {}))
