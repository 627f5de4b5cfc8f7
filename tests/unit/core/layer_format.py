"""Layers as `docs/formats.md`, "Layer", describes them, written without a look at the code: slow, and all in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamella._core import Entry

TYPES = {
    "file": b"0",
    "hardlink": b"1",
    "symlink": b"2",
    "character": b"3",
    "block": b"4",
    "directory": b"5",
    "fifo": b"6",
}


def octal(number: int, length: int) -> bytes:
    if number >= 8 ** (length - 1):
        number = 0
    return f"{number:0{length - 1}o}".encode() + b"\0"


def header(fields: dict[int, bytes], mtime: int) -> bytes:
    """Return a header block with these fields, by their offsets, and with what all headers have."""
    block = bytearray(512)
    defaults = {108: octal(0, 8), 116: octal(0, 8), 136: octal(mtime, 12), 148: b" " * 8, 257: b"ustar\x0000"}
    defaults |= {329: octal(0, 8), 337: octal(0, 8)}
    for offset, value in (defaults | fields).items():
        block[offset : offset + len(value)] = value
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def substitute(text: bytes) -> bytes:
    return bytes(byte if byte < 128 else ord("_") for byte in text[:100])


def split(path: bytes) -> tuple[bytes, bytes] | None:
    """Return the fields prefix and name, or None where the path takes a record."""
    prefix, name = b"", path
    if len(path) > 100:
        prefix = path[: min(156, len(path) - 1)].rpartition(b"/")[0]
        name = path[len(prefix) + 1 :] if prefix else path
    return (prefix, name) if path.isascii() and len(name) <= 100 else None


def record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    digits = next(digits for digits in range(1, 9) if len(str(len(body) + digits)) == digits)
    return str(len(body) + digits).encode() + body


def headers(entry: Entry, mtime: int) -> bytes:
    path = os.fsencode(entry.path) + (b"/" if entry.kind == "directory" else b"")
    link = os.fsencode(entry.link_target or "")
    major, minor = entry.device or (0, 0)
    records = {b"SCHILY.xattr." + os.fsencode(name): value for name, value in entry.xattrs.items()}
    fields = split(path)
    if fields is None:
        records[b"path"] = path
        fields = (b"", substitute(path))
    if len(link) > 100 or not link.isascii():
        records[b"linkpath"] = link
        link = substitute(link)
    owners = {b"uid": entry.uid, b"gid": entry.gid}
    records |= {key: str(number).encode() for key, number in owners.items() if number >= 2097152}
    block = header(
        {
            0: fields[1],
            100: octal(entry.mode, 8),
            108: octal(entry.uid, 8),
            116: octal(entry.gid, 8),
            124: octal(entry.size, 12),
            156: TYPES[entry.kind],
            157: link,
            329: octal(major, 8),
            337: octal(minor, 8),
            345: fields[0],
        },
        mtime,
    )
    if not records:
        return block
    body = b"".join(record(key, value) for key, value in sorted(records.items()))
    extended = {0: b"././@PaxHeader", 100: octal(0o644, 8), 124: octal(len(body), 12), 156: b"x"}
    return header(extended, mtime) + pad(body) + block


def reference_layer(entries: list[Entry], mtime: int) -> bytes:
    contents = (pad(Path(entry.source).read_bytes()) if entry.source is not None else b"" for entry in entries)
    return b"".join(headers(entry, mtime) + content for entry, content in zip(entries, contents, strict=True)) + bytes(
        1024
    )
