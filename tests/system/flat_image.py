"""Images as what a container sees, read with nothing of Lamella's own, so that it can be measured by it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Files = dict[str, str]
"""From path to what is there, but for times: ``directory 755 0:0``, ``file 644 0:0 <sha256>``, ``symlink 0:0 a``."""

_KINDS = {
    tarfile.DIRTYPE: "directory",
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.SYMTYPE: "symlink",
    tarfile.FIFOTYPE: "fifo",
    tarfile.CHRTYPE: "character",
}


def read_oci_layout(folder: Path) -> tuple[Files, dict[str, Any]]:
    """Return the file system and the configuration of the only image of a layout; every digest is checked."""
    (entry,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    blobs = folder / "blobs" / "sha256"

    def read(descriptor: dict[str, Any]) -> bytes:
        data: bytes = (blobs / descriptor["digest"].removeprefix("sha256:")).read_bytes()
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == descriptor["digest"]
        assert len(data) == descriptor["size"]
        return data

    manifest = json.loads(read(entry))
    configuration = json.loads(read(manifest["config"]))
    return _flatten([read(layer) for layer in manifest["layers"]], configuration), configuration


def read_directory_image(folder: Path) -> tuple[Files, dict[str, Any]]:
    """Return the same of an image in a folder as ``buildah push IMAGE dir:FOLDER`` writes it."""
    manifest = json.loads((folder / "manifest.json").read_bytes())

    def read(descriptor: dict[str, Any]) -> bytes:
        data: bytes = (folder / descriptor["digest"].removeprefix("sha256:")).read_bytes()
        return data

    configuration = json.loads(read(manifest["config"]))
    return _flatten([read(layer) for layer in manifest["layers"]], configuration), configuration


def _flatten(layers: list[bytes], configuration: dict[str, Any]) -> Files:
    tars = [gzip.decompress(layer) if layer.startswith(b"\x1f\x8b") else layer for layer in layers]
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    files: Files = {}
    for tar in tars:
        new: Files = {}
        for path, text in _entries(tar, files, new):
            parent, _, name = path.rpartition("/")
            if name == ".wh..wh..opq":
                _remove_below(files, parent)
            elif name.startswith(".wh."):
                hidden = f"{parent}/{name[4:]}".lstrip("/")
                files.pop(hidden, None)
                _remove_below(files, hidden)
            else:
                assert not parent or (new.get(parent) or files.get(parent, "nothing")).startswith("directory"), path
                new[path] = text
        for path, text in new.items():
            if not text.startswith("directory"):
                _remove_below(files, path)
            files[path] = text
    return files


def _remove_below(files: Files, folder: str) -> None:
    for path in [path for path in files if path.startswith(f"{folder}/" if folder else "")]:
        del files[path]


def _entries(tar: bytes, below: Files, new: Files) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            path = member.name.removeprefix("./").strip("/")
            if path in {"", "."}:
                continue
            owner = f"{member.uid}:{member.gid}"
            if member.islnk():
                target = member.linkname.removeprefix("./").lstrip("/")
                yield path, new.get(target) or below[target]
            elif member.issym():
                yield path, f"symlink {owner} {member.linkname}"
            else:
                content = archive.extractfile(member)
                digest = f" {hashlib.sha256(content.read()).hexdigest()[:16]}" if content is not None else ""
                yield path, f"{_KINDS[member.type]} {member.mode & 0o7777:o} {owner}{digest}"
