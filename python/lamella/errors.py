"""What can go wrong, as types that carry identities.

Each door translates these in one table (``server/grpc/status.py``, ``server/http/status.py``); no other module knows a
status code.
"""

from __future__ import annotations

import errno
from os import fspath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection
    from os import PathLike

    from lamella.model import Digest

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Error numbers of a write that found no room: it failed, but the disk is sound."""

NAMED: Final = 18
"""How many of many digests a message names: it travels in headers, which are small."""


class LamellaError(Exception):
    """The base of every error that this package raises on purpose."""


class NotFound(LamellaError):
    """A blob is not in the store."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(f"blob {digest} is not in the store")
        self.digest = digest


class NoResult(LamellaError):
    """An action has no result, or one whose blobs are no longer all in the store."""

    def __init__(self, action: Digest) -> None:
        super().__init__(f"action {action} has no result")
        self.action = action


class MissingBlobs(LamellaError):
    """A result refers to blobs that are not in the store; it was not kept."""

    def __init__(self, digests: Collection[Digest]) -> None:
        super().__init__(f"not in the store: {_some(digests)}")
        self.digests = frozenset(digests)


class MissingChunks(LamellaError):
    """A blob cannot be put together: chunks of it are not in the store. ``blob`` is the whole one."""

    def __init__(self, blob: Digest, chunks: Collection[Digest]) -> None:
        super().__init__(f"chunks of {blob} that are not in the store: {_some(chunks)}")
        self.blob = blob
        self.chunks = frozenset(chunks)


class NoChunks(LamellaError):
    """A blob is in the store, but not as a list of chunks."""

    def __init__(self, digest: Digest, reason: str) -> None:
        super().__init__(f"blob {digest} is not cut into chunks: {reason}")
        self.digest = digest
        self.reason = reason


class DigestMismatch(LamellaError):
    """The bytes do not have the digest that was announced; nothing was stored."""

    def __init__(self, expected: Digest, actual: Digest) -> None:
        super().__init__(f"expected {expected}, but the bytes have {actual}")
        self.expected = expected
        self.actual = actual


class SizeMismatch(LamellaError):
    """A blob does not have the size in bytes that was announced; nothing was stored."""

    def __init__(self, digest: Digest, expected: int, actual: int) -> None:
        super().__init__(f"blob {digest} was announced with {expected} bytes, but has {actual}")
        self.digest = digest
        self.expected = expected
        self.actual = actual


class OutOfRange(LamellaError):
    """An offset or length, in bytes, does not lie within a blob."""

    def __init__(self, digest: Digest, offset: int, size: int) -> None:
        super().__init__(f"offset {offset} is not within blob {digest} of {size} bytes")
        self.digest = digest
        self.offset = offset
        self.size = size


class LimitExceeded(LamellaError):
    """A named limit was exceeded."""

    def __init__(self, limit: str, most: int, actual: int) -> None:
        super().__init__(f"{limit} is limited to {most}, not {actual}")
        self.limit = limit
        self.most = most
        self.actual = actual


class Invalid(LamellaError):
    """A field of a request cannot be what it was given as."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Leased(LamellaError):
    """A blob is in use and cannot be deleted now."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(f"blob {digest} is leased")
        self.digest = digest


class ReadOnly(LamellaError):
    """The store accepts no writes since one failed to reach the disk."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store is read-only: {reason}; check the disk, then restart the server")
        self.reason = reason


class StorageFull(LamellaError):
    """There is no room left on the disk or in the index; what was being written was not stored, the rest is intact."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no room is left: {reason}")
        self.reason = reason


class Corrupted(LamellaError):
    """A stored blob no longer has the bytes that it was stored with; it was taken out of the store."""

    def __init__(self, digest: Digest, reason: str) -> None:
        super().__init__(f"blob {digest} is damaged: {reason}")
        self.digest = digest
        self.reason = reason


class UploadBusy(LamellaError):
    """An upload is being continued by someone else."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(f"upload {upload_id} is in use")
        self.upload_id = upload_id


class UploadStalled(LamellaError):
    """A client sent nothing for too long; what it sent before is kept."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing was sent for {seconds:g} seconds")
        self.seconds = seconds


class StoreError(LamellaError):
    """A folder cannot be opened as a store."""

    def __init__(self, path: PathLike[str], reason: str) -> None:
        super().__init__(f"{fspath(path)}: {reason}")
        self.path = path
        self.reason = reason


class CannotServe(LamellaError):
    """A server cannot start, or keep running, at an address."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot serve at {address}: {reason}")
        self.address = address
        self.reason = reason


class DockerfileError(LamellaError):
    """A Dockerfile cannot be built as written; ``line`` counts from 1."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


def _some(digests: Collection[Digest]) -> str:
    """Name the first of some digests, and how many more there are."""
    more = f" and {len(digests) - NAMED} more" if len(digests) > NAMED else ""
    return ", ".join(map(str, sorted(digests)[:NAMED])) + more
