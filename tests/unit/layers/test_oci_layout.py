from __future__ import annotations

import json
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from lamella.errors import DigestMismatch, Invalid, SizeMismatch
from lamella.layers import media_types, oci_layout_writer
from lamella.layers.image import descriptor_json, parse_configuration
from lamella.layers.oci_layout import LayoutError, OciLayout, read_small, tag_of
from lamella.layers.oci_layout_writer import OciLayoutWriter, encode, pack
from lamella.model import MEDIA_TYPE_LAYER, Descriptor, Digest, Platform

if TYPE_CHECKING:
    from pathlib import Path

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64", "v8")
DOCKER = "application/vnd.docker"


def add(writer: OciLayoutWriter, document: dict[str, Any] | bytes, media_type: str) -> Descriptor:
    data = document if isinstance(document, bytes) else encode(document)
    descriptor = Descriptor(Digest.of(data), len(data), media_type)
    writer.add_bytes(descriptor.digest, data)
    return descriptor


def add_image(
    writer: OciLayoutWriter,
    platform: Platform = AMD64,
    *,
    layer: bytes = b"a layer",
    layer_type: str = MEDIA_TYPE_LAYER,
    config_type: str = media_types.CONFIG,
    manifest_type: str = media_types.MANIFEST,
) -> Descriptor:
    stored = add(writer, layer, layer_type)
    config: dict[str, Any] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "rootfs": {"type": "layers", "diff_ids": [str(stored.digest)]},
    }
    if platform.variant:
        config["variant"] = platform.variant
    manifest = {
        "schemaVersion": 2,
        "config": descriptor_json(add(writer, config, config_type)),
        "layers": [descriptor_json(stored)],
    }
    return add(writer, manifest, manifest_type)


def test_an_image_is_found_by_tag_by_digest_and_alone(tmp_path: Path) -> None:
    writer = OciLayoutWriter(tmp_path)
    manifest = add_image(writer)
    writer.finish(manifest, AMD64, "app:1.0")
    layout = OciLayout(tmp_path)
    for reference in ("app:1.0", "1.0", "", str(manifest.digest)):
        image = layout.image(reference, AMD64)
        assert image.manifest == manifest
        assert image.platform == AMD64
        assert layout.layer_path(image.layers[0].descriptor).read_bytes() == b"a layer"


def test_docker_media_types_are_read_as_their_oci_counterparts(tmp_path: Path) -> None:
    writer = OciLayoutWriter(tmp_path)
    manifest = add_image(
        writer,
        layer_type=f"{DOCKER}.image.rootfs.diff.tar",
        config_type=f"{DOCKER}.container.image.v1+json",
        manifest_type=f"{DOCKER}.distribution.manifest.v2+json",
    )
    writer.finish(manifest, AMD64)
    assert OciLayout(tmp_path).image("", AMD64).layers[0].descriptor.media_type == MEDIA_TYPE_LAYER


def test_the_image_for_a_platform_is_chosen_in_a_nested_index(tmp_path: Path) -> None:
    writer = OciLayoutWriter(tmp_path)
    first, second = add_image(writer), add_image(writer, ARM64, layer=b"for arm")
    entries = [
        descriptor_json(first, platform={"os": "unknown", "architecture": "unknown"}),
        descriptor_json(first, platform={"os": "linux", "architecture": "amd64"}),
        descriptor_json(second, platform={"os": "linux", "architecture": "arm64", "variant": "v8"}),
    ]
    inner = add(writer, {"schemaVersion": 2, "manifests": entries}, media_types.INDEX)
    outer = add(writer, {"schemaVersion": 2, "manifests": [descriptor_json(inner)]}, media_types.INDEX)
    writer.finish(outer, AMD64, "latest")
    layout = OciLayout(tmp_path)
    assert layout.image("latest", ARM64).manifest == second
    assert layout.image("latest", Platform("linux", "arm64")).manifest == second
    assert layout.image("latest", AMD64).manifest == first
    with pytest.raises(LayoutError, match="not for linux/s390x; it is for: linux/amd64, linux/arm64/v8"):
        layout.image("latest", Platform("linux", "s390x"))


@pytest.mark.parametrize(
    ("variants", "expected"), [(["v3", "", "v2"], 1), (["v3", "v1", "v2"], 1), (["v3", "v2"], 1), (["", "v2"], 0)]
)
def test_without_a_variant_the_lowest_is_chosen(tmp_path: Path, variants: list[str], expected: int) -> None:
    writer = OciLayoutWriter(tmp_path)
    images = [add_image(writer, layer=f"for {variant}".encode()) for variant in variants]
    entries = [
        descriptor_json(image, platform={"os": "linux", "architecture": "amd64", "variant": variant})
        for image, variant in zip(images, variants, strict=True)
    ]
    writer.finish(add(writer, {"schemaVersion": 2, "manifests": entries}, media_types.INDEX), AMD64, "latest")
    layout = OciLayout(tmp_path)
    assert layout.image("latest", AMD64).manifest == images[expected]
    assert layout.image("latest", Platform("linux", "amd64", variants[0])).manifest == images[0]


def test_an_index_within_itself_ends(tmp_path: Path) -> None:
    writer = OciLayoutWriter(tmp_path)
    manifest = add_image(writer)
    for _ in range(6):
        manifest = add(writer, {"schemaVersion": 2, "manifests": [descriptor_json(manifest)]}, media_types.INDEX)
    writer.finish(manifest, AMD64)
    with pytest.raises(Exception, match="indexes inside each other"):
        OciLayout(tmp_path).image("", AMD64)


def test_an_unknown_tag_is_told_with_what_there_is(tmp_path: Path) -> None:
    writer = OciLayoutWriter(tmp_path)
    writer.finish(add_image(writer), AMD64, "app:1.0")
    with pytest.raises(LayoutError, match=r"no image '2\.0'; it has: app:1\.0"):
        OciLayout(tmp_path).image("2.0", AMD64)


def test_a_folder_that_is_no_layout_is_named(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=f"{tmp_path}: not an OCI layout"):
        OciLayout(tmp_path)


def test_a_changed_document_is_noticed(tmp_path: Path) -> None:
    writer = OciLayoutWriter(tmp_path)
    manifest = add_image(writer)
    writer.finish(manifest, AMD64)
    path = writer.blob_path(manifest.digest)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"schemaVersion", b"schemaVersiom"))
    with pytest.raises(DigestMismatch, match=manifest.digest.hex):
        OciLayout(tmp_path).image("", AMD64)
    path.write_bytes(content + b" ")
    with pytest.raises(SizeMismatch, match=manifest.digest.hex):
        OciLayout(tmp_path).image("", AMD64)
    path.unlink()
    with pytest.raises(LayoutError, match=f"blob {manifest.digest} is missing"):
        OciLayout(tmp_path).image("", AMD64)


def test_a_changed_layer_is_noticed(tmp_path: Path) -> None:
    writer = OciLayoutWriter(tmp_path)
    writer.finish(add_image(writer), AMD64)
    layout = OciLayout(tmp_path)
    layer = layout.image("", AMD64).layers[0].descriptor
    layout.blob_path(layer.digest).write_bytes(b"a lawyer")
    with pytest.raises(SizeMismatch):
        layout.layer_path(layer)
    layout.blob_path(layer.digest).write_bytes(b"a later")
    with pytest.raises(DigestMismatch):
        layout.layer_path(layer)


@pytest.mark.parametrize(
    ("index", "field"),
    [
        (b"[]", "index.json"),
        (b"{", "index.json: not JSON"),
        (b'{"manifests":' + b"[" * 200_000, "index.json: not JSON"),
        (b"{}", "index.json: manifests: missing"),
        (b'{"manifests":[3]}', r"manifests\[0\]: not a content descriptor"),
        (b'{"manifests":[{"mediaType":"x","digest":"md5:0","size":1}]}', r"manifests\[0\].digest"),
        (b'{"manifests":[{"mediaType":"x","digest":"sha256:0","size":-1}]}', r"manifests\[0\].size"),
    ],
)
def test_a_malformed_index_is_told_with_file_and_field(tmp_path: Path, index: bytes, field: str) -> None:
    OciLayoutWriter(tmp_path)
    (tmp_path / "index.json").write_bytes(index)
    with pytest.raises(Invalid, match=field):
        OciLayout(tmp_path).image("", AMD64)
    with pytest.raises(Invalid, match=field):
        OciLayoutWriter(tmp_path).finish(Descriptor(Digest.of(b""), 0, media_types.MANIFEST), AMD64)
    assert (tmp_path / "index.json").read_bytes() == index


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"os": None}, "os: missing"),
        ({"os": 7}, "os: not text"),
        ({"os": "lin/ux"}, "os: not a platform"),
        ({"variant": ["v8"]}, "variant: not text"),
        ({"author": {}}, ""),
        ({"author": 1}, "author: not text"),
        ({"config": ["PATH=/"]}, "config: not an object"),
        ({"config": None, "variant": None}, ""),
        ({"rootfs": {}}, "rootfs.diff_ids: missing"),
        ({"rootfs": {"diff_ids": ["md5:1"]}}, "rootfs.diff_ids: not a digest"),
    ],
)
def test_a_malformed_configuration_is_told_with_its_field(changed: dict[str, Any], reason: str) -> None:
    document = {"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": []}, **changed}
    if not reason:
        assert parse_configuration(encode(document), "config") == (document, ())
        return
    with pytest.raises(Invalid, match=f"config: {reason}"):
        parse_configuration(encode(document), "config")


def test_annotations_that_are_none_give_no_tag(tmp_path: Path) -> None:
    writer = OciLayoutWriter(tmp_path)
    entry = descriptor_json(add_image(writer), annotations=["app:1"])
    (tmp_path / "index.json").write_bytes(encode({"manifests": [entry]}))
    with pytest.raises(LayoutError, match="no image 'app:1'"):
        OciLayout(tmp_path).image("app:1", AMD64)


def test_an_image_replaces_the_one_with_its_reference_and_leaves_others(tmp_path: Path) -> None:
    for layer, reference in ((b"1", "app:1"), (b"2", "app:2"), (b"3", "app:1")):
        writer = OciLayoutWriter(tmp_path)
        writer.finish(add_image(writer, layer=layer), AMD64, reference)
    layout = OciLayout(tmp_path)
    assert layout.layer_path(layout.image("app:1", AMD64).layers[0].descriptor).read_bytes() == b"3"
    assert layout.layer_path(layout.image("app:2", AMD64).layers[0].descriptor).read_bytes() == b"2"
    assert len(json.loads((tmp_path / "index.json").read_bytes())["manifests"]) == 2


def test_images_that_are_written_at_once_are_all_in_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_slowly(path: Path) -> bytes:
        data = read_small(path)
        time.sleep(0.02)
        return data

    monkeypatch.setattr(oci_layout_writer, "read_small", read_slowly)

    def write(number: int) -> None:
        writer = OciLayoutWriter(tmp_path)
        writer.finish(add_image(writer, layer=bytes([number])), AMD64, f"app:{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    manifests = json.loads((tmp_path / "index.json").read_bytes())["manifests"]
    assert {tag_of(entry) for entry in manifests} == {f"app:{number}" for number in range(8)}


def test_bytes_with_another_digest_are_not_written(tmp_path: Path) -> None:
    writer = OciLayoutWriter(tmp_path)
    with pytest.raises(DigestMismatch):
        writer.add_bytes(Digest.of(b"a"), b"b")
    assert list((tmp_path / "blobs" / "sha256").iterdir()) == []


def test_a_damaged_file_is_not_taken_for_the_blob(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"a layer")
    digest = Digest.of(b"a layer")
    writer = OciLayoutWriter(tmp_path / "layout")
    writer.blob_path(digest).write_bytes(b"a la")
    for _ in range(2):
        writer.add_file(digest, tmp_path / "source")
        assert writer.blob_path(digest).read_bytes() == b"a layer"


def test_a_layer_that_is_named_by_a_symlink_is_linked_itself(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(b"a layer")
    (tmp_path / "source").symlink_to("content")
    writer = OciLayoutWriter(tmp_path / "layout")
    writer.add_file(Digest.of(b"a layer"), tmp_path / "source")
    assert writer.blob_path(Digest.of(b"a layer")).samefile(tmp_path / "content")
    assert not writer.blob_path(Digest.of(b"a layer")).is_symlink()


def test_a_packed_layout_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    tars = []
    for name in ("first", "second"):
        folder = tmp_path / name
        writer = OciLayoutWriter(folder)
        writer.finish(add_image(writer), AMD64, "app:1")
        pack(folder, tmp_path / f"{name}.tar")
        tars.append((tmp_path / f"{name}.tar").read_bytes())
    assert tars[0] == tars[1]
    with tarfile.open(tmp_path / "first.tar") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert OciLayout(tmp_path / "out").image("app:1", AMD64).platform == AMD64
