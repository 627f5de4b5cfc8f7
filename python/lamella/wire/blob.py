"""Blobs as REAPI names them: a SHA-256 in hexadecimal, and a size in bytes."""

from __future__ import annotations

from dataclasses import dataclass

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella.errors import Invalid
from lamella.model import Digest


@dataclass(frozen=True, slots=True)
class BlobName:
    """A digest and the size in bytes that goes with it, as a client claims them."""

    digest: Digest
    size: int

    @property
    def message(self) -> pb.Digest:
        """The same as a message."""
        return pb.Digest(hash=self.digest.hex, size_bytes=self.size)


def blob_from_message(message: pb.Digest, field: str) -> BlobName:
    """Convert a digest message; ``field`` is its path, for errors.

    Raises:
        Invalid: the hash is not 64 lower-case hexadecimal digits, or the size is negative.
    """
    return BlobName(parse_hash(message.hash, f"{field}.hash"), _size(message.size_bytes, f"{field}.size_bytes"))


def parse_hash(text: str, field: str) -> Digest:
    """Read 64 lower-case hexadecimal digits; raises ``Invalid`` for any other text."""
    try:
        return Digest.parse(f"sha256:{text}")
    except ValueError:
        raise Invalid(field, f"{text[:100]!r} is not a SHA-256 (64 lower-case hexadecimal digits)") from None


def check_digest_function(number: int, field: str = "digest_function") -> None:
    """Accept SHA-256 and nothing said at all; raises ``Invalid`` for every other digest function."""
    if number not in (pb.DigestFunction.UNKNOWN, pb.DigestFunction.SHA256):
        raise Invalid(field, "only SHA256 is supported")


def _size(size: int, field: str) -> int:
    if size < 0:
        raise Invalid(field, f"{size} is negative")
    return size
