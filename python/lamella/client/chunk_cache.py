"""Recipes and chunks of blobs that were moved before: a folder of this user that several processes may use at once."""

from __future__ import annotations

import logging
import os
import secrets
import struct
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from lamella import _core
from lamella._core import Recipe, RecipeError
from lamella.layers.replace_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from lamella.model import Digest

logger = logging.getLogger(__name__)

CACHE_SIZE: Final = 4 << 30
"""Bytes that a cache may take, unless it is told otherwise."""

SUFFIX: Final = ".chunks"
RECIPE_SUFFIX: Final = ".recipe"
"""What names of segments and recipes end with; others are of files that are being written."""

ABANDONED_SECONDS: Final = 86_400
"""How old a segment is that nobody will finish."""

_ENTRY: Final = struct.Struct("<32sQI")
_TRAILER: Final = struct.Struct("<QI8s")
_MAGIC: Final = b"lamchnk1"


class ChunkCache:
    """Segments, each a file with the new chunks of one blob; those that were not used for longest go first.

    A segment is chunks one after another; entries of digest, offset (8 bytes) and size (4 bytes); and a trailer: offset
    of the entries (8 bytes), how many they are (4 bytes), ``lamchnk1``. Numbers are little-endian. A recipe is a file
    (``docs/formats.md``, "Recipe") named by its blob. Nothing is synced: what is read is compared with its digest or
    checksum, and damage is a miss. Methods block and may be called from any thread.
    """

    def __init__(self, folder: Path, most: int = CACHE_SIZE) -> None:
        self.folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._found: dict[bytes, tuple[int, int, int]] | None = None
        self._segments: list[Path] = []
        self._used: set[int] = set()

    def known(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return the digests of chunks that are probably here; the first call looks through the folder."""
        found = self._loaded()
        return {digest for digest in digests if digest.raw in found}

    def read(self, digest: Digest) -> bytes | None:
        """Return a chunk, or None where it is not here, or damaged."""
        at = self._loaded().get(digest.raw)
        if at is None:
            return None
        number, offset, size = at
        try:
            with self._segments[number].open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), size, offset)
            if number not in self._used:
                self._used.add(number)
                os.utime(self._segments[number])
        except OSError:
            data = b""
        if _core.sha256(data) == digest.raw:
            return data
        with self._lock:
            self._loaded_locked().pop(digest.raw, None)
        return None

    def segment(self) -> Segment:
        """Begin a segment."""
        return Segment(self)

    def keep_recipe(self, digest: Digest, data: bytes) -> None:
        """Keep the recipe of a blob whose chunks are kept."""
        try:
            with replace_file(self._recipe(digest)) as file:
                file.write(data)
        except OSError as error:
            logger.warning("the recipe of %s is not kept for the next time: %s", digest, error)
            return
        self._shrink()

    def use_recipe(self, digest: Digest) -> None:
        """Count a recipe as used now."""
        with suppress(OSError):
            os.utime(self._recipe(digest))

    def recipes(self, most: int) -> Iterator[Recipe]:
        """Yield recipes, those that were used last first."""
        found = []
        for path in self.folder.glob(f"*{RECIPE_SUFFIX}"):
            with suppress(FileNotFoundError):
                found.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(found, reverse=True)[:most]:
            with suppress(OSError, RecipeError):
                yield Recipe(path.read_bytes())

    def _recipe(self, digest: Digest) -> Path:
        return self.folder / f"{digest.hex}{RECIPE_SUFFIX}"

    def adopt(self, path: Path) -> None:
        """Take in a segment that is complete, then remove others until the cache is small enough."""
        with self._lock:
            if self._found is not None:
                self._add(path)
        self._shrink()

    def _loaded(self) -> dict[bytes, tuple[int, int, int]]:
        with self._lock:
            return self._loaded_locked()

    def _loaded_locked(self) -> dict[bytes, tuple[int, int, int]]:
        if self._found is None:
            self._found = {}
            for path in sorted(self.folder.glob(f"*{SUFFIX}")):
                self._add(path)
        return self._found

    def _add(self, path: Path) -> None:
        entries = _entries(path)
        number = len(self._segments)
        self._segments.append(path)
        if self._found is not None:
            self._found.update((raw, (number, offset, size)) for raw, offset, size in entries)

    def _shrink(self) -> None:
        try:
            self._remove_oldest()
        except OSError as error:  # somebody has removed the folder, or may not remove what others have put there
            logger.warning("the cache %s may be larger than it should be: %s", self.folder, error)

    def _remove_oldest(self) -> None:
        abandoned = time.time() - ABANDONED_SECONDS
        files: list[tuple[float, int, Path]] = []
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):
                status = path.stat()
                if path.suffix in {SUFFIX, RECIPE_SUFFIX}:
                    files.append((status.st_mtime, status.st_size, path))
                elif path.name.startswith(".tmp-") and status.st_mtime < abandoned:
                    path.unlink()
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._most:
                break
            path.unlink(missing_ok=True)
            total -= size


class Segment:
    """Chunks on their way into a cache, which knows them once ``commit`` was called; use it as a context manager.

    Where the folder cannot be written to, nothing is kept, and a warning is logged: a cache is never worth a failure.
    """

    def __init__(self, cache: ChunkCache) -> None:
        self._cache = cache
        self._entries: dict[bytes, tuple[int, int]] = {}
        self._size = 0
        self._path: Path | None = None
        self._lock = threading.Lock()
        try:
            cache.folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=cache.folder, prefix=".tmp-")
        except OSError as error:
            logger.warning("chunks are not kept for the next time: %s", error)
            return
        self._path = Path(name)
        self._file = os.fdopen(descriptor, "w+b", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._discard()

    def add(self, digest: Digest, data: Buffer) -> None:
        """Append a chunk whose digest was checked; once each. Several threads may do so."""
        with self._lock:
            if digest.raw in self._entries:
                return
            size = memoryview(data).nbytes
            self._write(data)
            self._entries[digest.raw] = self._size, size
            self._size += size

    def read(self, digest: Digest) -> bytes | None:
        """Return a chunk that was appended; None where it was not, or could not be."""
        at = self._entries.get(digest.raw)
        if at is None or self._path is None:
            return None
        offset, size = at
        return os.pread(self._file.fileno(), size, offset)

    def commit(self) -> None:
        """Let the cache have the chunks."""
        entries = [_ENTRY.pack(raw, offset, size) for raw, (offset, size) in self._entries.items()]
        self._write(b"".join((*entries, _TRAILER.pack(self._size, len(entries), _MAGIC))))
        if self._path is None or not entries:
            return
        try:
            path = self._path.rename(self._path.with_name(f"{time.time_ns():x}-{secrets.token_hex(4)}{SUFFIX}"))
        except OSError as error:  # somebody has removed the folder
            logger.warning("chunks are not kept for the next time: %s", error)
            return
        self._path = None
        self._file.close()
        self._cache.adopt(path)

    def _write(self, data: Buffer) -> None:
        if self._path is None:
            return
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            logger.warning("chunks are not kept for the next time: %s", error)
            self._discard()

    def _discard(self) -> None:
        if self._path is not None:
            self._file.close()
            with suppress(OSError):
                self._path.unlink()
            self._path = None


def _entries(path: Path) -> list[tuple[bytes, int, int]]:
    """Return digest, offset and size of the chunks in a segment; none where it is damaged or gone."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _TRAILER.size, 0))
            start, count, magic = _TRAILER.unpack(file.read())
            if magic != _MAGIC or start + count * _ENTRY.size + _TRAILER.size != size:
                return []
            file.seek(start)
            entries = _ENTRY.iter_unpack(file.read(count * _ENTRY.size))
            return [(raw, offset, length) for raw, offset, length in entries if offset + length <= start]
    except (OSError, struct.error):
        return []
