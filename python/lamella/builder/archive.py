"""Local archives that ADD unpacks: tar, plain or compressed with gzip, zstd, bzip2 or xz (told by their content)."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zlib
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Protocol

from lamella import _core
from lamella.errors import Invalid, LimitExceeded
from lamella.layers.tree import WHITEOUT, FileTree

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lamella._core import Entry


class _Stream(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...

    def close(self) -> None: ...


MAX_UNPACKED = 64 << 30
"""The most bytes of tar that an archive may hold."""

_BLOCK = 512
_BUFFER = 1 << 20
_CHECKSUM = slice(148, 156)

_OPENERS: dict[bytes, Callable[[Path], _Stream]] = {
    b"\x1f\x8b\x08": gzip.GzipFile,
    b"\x28\xb5\x2f\xfd": zstd.ZstdFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError)


def is_archive(path: Path) -> bool:
    """Tell whether a file is a tar archive: whether it starts with a tar header, once decompressed."""
    try:
        with _open(path) as tar:
            return _is_header(tar.read(_BLOCK))
    except _ERRORS:
        return False


def unpack(path: Path, plain: Path) -> list[Entry]:
    """Return the tree that an archive holds, the root as the path ``""``, with its content in ``plain``, a new file.

    Raises:
        Invalid: the archive cannot be decompressed, or has a name that would hide files of a layer.
        LayerError, TreeError: its tar is malformed, or does not make a file system.
        LimitExceeded: it holds more than ``MAX_UNPACKED`` bytes.
        OSError: a file cannot be read or written.
    """
    size = 0
    with plain.open("xb") as target, _open(path) as tar:
        while block := _read(tar, path):
            size += len(block)
            if size > MAX_UNPACKED:
                raise LimitExceeded(f"the tar in {path.name} in bytes", MAX_UNPACKED, size)
            target.write(block)
    tree = FileTree()
    tree.apply(_entries(plain, path.name))
    return [
        tree.root.entry.replace(path=""),
        *(node.entry.replace(path=name) for name, node in tree.walk(tree.root)),
    ]


def _entries(plain: Path, name: str) -> Iterator[Entry]:
    reader = _core.LayerReader(plain)
    while batch := reader.next_batch():
        for entry in batch:
            if entry.path.rpartition("/")[2].startswith(WHITEOUT):
                raise Invalid(name, f"holds {entry.path!r}, a name that hides files in layers")
            yield entry


@contextmanager
def _open(path: Path) -> Iterator[_Stream]:
    with path.open("rb") as file:
        start = file.read(8)
    opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), _open_plain)
    with closing(opener(path)) as tar:
        yield tar


def _open_plain(path: Path) -> _Stream:
    return path.open("rb")


def _read(tar: _Stream, path: Path) -> bytes:
    try:
        return tar.read(_BUFFER)
    except _ERRORS as error:
        raise Invalid(path.name, f"cannot be decompressed: {error}") from None


def _is_header(block: bytes) -> bool:
    """Check the header checksum: the sum of all bytes, its own field counted as spaces (POSIX.1, "ustar")."""
    field = block[_CHECKSUM].rstrip(b" \0").lstrip()
    if len(block) < _BLOCK or not field or not field.isdigit():
        return False
    total = sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")
    return field.strip(b"01234567") == b"" and int(field, 8) == total
