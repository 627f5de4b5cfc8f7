"""Layers for tests: read with the extension, read with the standard library, and written by hand."""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING, Any

from lamella import _core

if TYPE_CHECKING:
    from pathlib import Path

RECORD = 512
XATTR = "SCHILY.xattr."

KINDS = {
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "character",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}


def read(path: Path, limit: int = 4096) -> tuple[list[_core.Entry], _core.LayerReader]:
    """Read a layer to its end."""
    reader = _core.LayerReader(path)
    entries: list[_core.Entry] = []
    while batch := reader.next_batch(limit):
        assert len(batch) <= limit
        entries += batch
    return entries, reader


def fields(entry: _core.Entry) -> dict[str, Any]:
    """Everything that the standard library can tell of an entry, too."""
    return {
        "path": entry.path,
        "kind": entry.kind,
        "mode": entry.mode,
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "link_target": entry.link_target,
        "digest": entry.digest,
        "device": entry.device,
        "xattrs": entry.xattrs,
    }


def fields_by_tarfile(path: Path) -> list[dict[str, Any]]:
    """The same, by ``tarfile`` and ``hashlib``."""
    with tarfile.open(path, encoding="utf-8", errors="surrogateescape") as tar:
        return [_member_fields(tar, member) for member in tar]


def _member_fields(tar: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    kind = KINDS.get(member.type, "file")
    content = tar.extractfile(member) if kind == "file" else None
    return {
        "path": relative(member.name),
        "kind": kind,
        "mode": member.mode & 0o7777,
        "uid": member.uid,
        "gid": member.gid,
        "size": member.size if content else 0,
        "link_target": member.linkname if kind in ("symlink", "hardlink") else None,
        "digest": hashlib.file_digest(content, "sha256").digest() if content else None,  # type: ignore[arg-type]
        "device": (member.devmajor, member.devminor) if kind in ("character", "block") else None,
        "xattrs": {
            key.removeprefix(XATTR): value.encode("utf-8", "surrogateescape")
            for key, value in member.pax_headers.items()
            if key.startswith(XATTR)
        },
    }


def relative(path: str) -> str:
    """A stored path without leading ``./`` and ``/`` and trailing ``/``."""
    while path.startswith(("./", "/")):
        path = path[2:] if path.startswith("./") else path[1:]
    path = path.rstrip("/")
    return "" if path == "." else path


def header(name: bytes, size: int | bytes = 0, type_flag: bytes = b"0", **overrides: bytes) -> bytes:
    """A ustar header with a right checksum; ``overrides`` give the raw bytes of fields."""
    raw = {
        "name": name,
        "mode": b"0000644\0",
        "uid": b"0000000\0",
        "gid": b"0000000\0",
        "size": size if isinstance(size, bytes) else b"%011o\0" % size,
        "mtime": b"%011o\0" % 0,
        "checksum": b" " * 8,
        "type": type_flag,
        "link": b"",
        "magic": b"ustar\x0000",
        "names": b"",
        "devices": b"",
        "rest": b"",
    } | overrides
    widths = (100, 8, 8, 8, 12, 12, 8, 1, 100, 8, 64, 16, 167)
    block = bytearray(b"".join(value.ljust(width, b"\0") for value, width in zip(raw.values(), widths, strict=True)))
    assert len(block) == RECORD
    if raw["checksum"] == b" " * 8:
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    """Data filled up to whole records."""
    return data + bytes(-len(data) % RECORD)


def entry(name: bytes, content: bytes = b"", type_flag: bytes = b"0", **overrides: bytes) -> bytes:
    """A header with its content."""
    return header(name, len(content), type_flag, **overrides) + padded(content)


def pax(*records: tuple[bytes, bytes], type_flag: bytes = b"x") -> bytes:
    """An extended header."""
    return entry(b"PaxHeaders/x", b"".join(pax_record(*record) for record in records), type_flag)


def pax_record(key: bytes, value: bytes) -> bytes:
    """``length key=value``, where the length counts itself."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


END = bytes(2 * RECORD)
