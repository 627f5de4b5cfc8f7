"""Writes an OCI Image Layout, as a folder or as one tar (OCI Image Specification 1.1, "Image Layout")."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lamella import _core
from lamella.errors import DigestMismatch
from lamella.layers import media_types
from lamella.layers.image import Json, descriptor_json
from lamella.layers.oci_layout import LAYOUT_VERSION, parse_index, read_small, tag_of
from lamella.layers.replace_file import replace_file
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lamella.model import Descriptor, Platform

COPY_BUFFER = 1 << 20


def encode(document: Json) -> bytes:
    """Return a JSON document as the same bytes on every machine: no spaces, keys in the order given."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class OciLayoutWriter:
    """Fills a layout folder, new or existing; every file appears complete, under its final name, or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / "blobs" / "sha256"
        self._blobs.mkdir(parents=True, exist_ok=True)
        _replace(folder / "oci-layout", encode({"imageLayoutVersion": LAYOUT_VERSION}))

    def blob_path(self, digest: Digest) -> Path:
        """Where the layout keeps a blob."""
        return self._blobs / digest.hex

    def add_bytes(self, digest: Digest, data: bytes) -> None:
        """Add a small blob.

        Raises:
            DigestMismatch: the bytes have another digest; nothing is written.
        """
        actual = Digest.of(data)
        if actual != digest:
            raise DigestMismatch(digest, actual)
        _replace(self.blob_path(digest), data)

    def add_file(self, digest: Digest, source: Path) -> None:
        """Add a blob from a file whose digest the caller has checked; it is linked where that is possible.

        A file of this name that is there stays, unless it is damaged: its writer's machine may have crashed. ``source``
        may be that file itself.
        """
        target = self.blob_path(digest)
        if source == target or (target.is_file() and Digest(_core.hash_file(target)[0]) == digest):
            return
        try:
            os.link(source.resolve(), target)  # of a symlink what it leads to: it may be relative
        except OSError:  # another file system, one without links, or a damaged file is there
            with source.open("rb") as content, replace_file(target) as file:
                shutil.copyfileobj(content, file, COPY_BUFFER)

    def finish(self, manifest: Descriptor, platform: Platform, reference: str = "") -> None:
        """Name the image in ``index.json``: it takes the place of one with the same reference or digest.

        All its blobs must have been added.

        Raises:
            Invalid: the folder has an ``index.json`` that is malformed; it stays as it is.
        """
        more: Json = {"platform": {"architecture": platform.architecture, "os": platform.os}}
        if platform.variant:
            more["platform"]["variant"] = platform.variant
        if reference:
            more["annotations"] = {media_types.REF_NAME: reference}
        path = self.folder / "index.json"
        with _locked(self.folder):
            entries: list[Json] = []
            if path.is_file():
                entries = [
                    entry
                    for descriptor, entry in parse_index(read_small(path), str(path))
                    if (tag_of(entry) != reference if reference else descriptor.digest != manifest.digest)
                ]
            entries.append(descriptor_json(manifest, **more))
            index = {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": entries}
            _replace(path, encode(index))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let no other build read and write the index in between."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system that cannot lock, such as NFS: then the last one to write wins
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    with replace_file(path) as file:
        file.write(data)


def pack(folder: Path, destination: Path) -> None:
    """Write a layout folder as one tar, the same bytes for the same image; ``destination`` is replaced at once."""
    entries = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            entries.append(_core.Entry(name, "directory", mode=0o755))
        else:
            digest, size = _core.hash_file(path)
            entries.append(_core.Entry(name, "file", mode=0o644, size=size, digest=digest, source=str(path)))
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".tmp-") as temporary:
        tar = Path(temporary) / destination.name
        writer = _core.LayerWriter(tar)
        writer.add(entries)
        writer.finish()
        tar.rename(destination)
