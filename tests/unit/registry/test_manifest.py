from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.errors import LimitExceeded
from lamella.layers.media_types import CONFIG, INDEX, MANIFEST
from lamella.model import MEDIA_TYPE_LAYER, Digest, Sha512
from lamella.registry.errors import ManifestInvalid
from lamella.registry.manifest import BUILDKIT_CONFIG, MAX_DEPTH, MAX_MANIFEST, Manifest, read_manifest

DIGEST = Digest.of(b"x")


def nobody(name: Sha512) -> None:
    """Know no blob by its SHA-512."""


def descriptor(media_type: str, digest: Digest = DIGEST, size: int = 1) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(digest), "size": size}


def read(content_type: str = "", **fields: Any) -> Manifest:
    return read_manifest(json.dumps({"schemaVersion": 2, **fields}).encode(), content_type, nobody)


def test_an_image_refers_to_its_config_and_layers() -> None:
    layer = Digest.of(b"layer")
    found = read(MANIFEST, config=descriptor(CONFIG), layers=[descriptor(MEDIA_TYPE_LAYER, layer, 5)])
    assert [(blob.digest, blob.size) for blob in found.references.blobs] == [(DIGEST, 1), (layer, 5)]
    assert found.references.manifests == ()
    assert (found.media_type, found.artifact_type, found.subject) == (MANIFEST, CONFIG, None)


def test_an_index_refers_to_manifests_and_blobs() -> None:
    children = [descriptor(MANIFEST), descriptor(INDEX), descriptor(MEDIA_TYPE_LAYER), descriptor(BUILDKIT_CONFIG)]
    found = read(INDEX, manifests=children)
    assert [child.media_type for child in found.references.manifests] == [MANIFEST, INDEX]
    assert [child.media_type for child in found.references.blobs] == [MEDIA_TYPE_LAYER, BUILDKIT_CONFIG]
    assert found.buildkit_cache


@pytest.mark.parametrize(("config", "cache"), [(BUILDKIT_CONFIG, True), (CONFIG, False)])
def test_a_cache_of_buildkit_is_known_by_its_config(config: str, cache: bool) -> None:
    assert read(MANIFEST, config=descriptor(config), layers=[]).buildkit_cache is cache


@pytest.mark.parametrize(
    ("content_type", "fields", "expected"),
    [
        ("", {"config": descriptor(CONFIG)}, MANIFEST),
        ("", {"manifests": []}, INDEX),
        ("", {"mediaType": INDEX}, INDEX),
        (INDEX, {"mediaType": INDEX}, INDEX),
        (MANIFEST, {"config": descriptor(CONFIG), "layers": None}, MANIFEST),
    ],
)
def test_the_media_type_is_the_one_that_is_said(content_type: str, fields: dict[str, Any], expected: str) -> None:
    assert read(content_type, **fields).media_type == expected


def test_errors_name_the_field() -> None:
    layers = [descriptor(MEDIA_TYPE_LAYER), {**descriptor(MEDIA_TYPE_LAYER), "digest": "x"}]
    with pytest.raises(ManifestInvalid, match=r"layers\[1\]: not a digest: 'x'"):
        read(MANIFEST, config=descriptor(CONFIG), layers=layers)
    with pytest.raises(ManifestInvalid, match="mediaType"):
        read(MANIFEST, mediaType=INDEX)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FIELDS = ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "annotations", "artifactType"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON | st.just(2) | st.just(descriptor(CONFIG))))
def test_any_json_is_read_or_refused(document: dict[str, Any]) -> None:
    try:
        found = read_manifest(json.dumps(document).encode(), "", nobody)
    except (ManifestInvalid, LimitExceeded):
        return
    assert document["schemaVersion"] == 2
    assert found.media_type in (MANIFEST, INDEX)


@given(st.binary(max_size=50))
def test_any_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        read_manifest(body, "", nobody)


def nested(opening: str, closing: str, depth: int) -> bytes:
    """Return an index that is ``depth`` deep; the brackets in its string are none."""
    count = depth - 1
    return f'{{"schemaVersion": 2, "a": "[[{{{{\\"[", "x": {opening * count}1{closing * count}}}'.encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nesting_has_a_limit(opening: str, closing: str) -> None:
    levels = len(opening.replace('"a":', ""))
    read_manifest(nested(opening, closing, MAX_DEPTH // levels), "", nobody)
    for depth in (MAX_DEPTH + 1, 10 * MAX_DEPTH, 100_000):
        with pytest.raises(ManifestInvalid, match=f"nested more than {MAX_DEPTH} deep"):
            read_manifest(nested(opening, closing, depth), "", nobody)


def test_many_brackets_are_not_deep() -> None:
    document = {"schemaVersion": 2, "manifests": [descriptor(MANIFEST)] * 9000, "x": "[" * 1000}
    body = json.dumps(document).encode()
    assert len(body) < MAX_MANIFEST
    assert len(read_manifest(body, "", nobody).references.manifests) == 9000
