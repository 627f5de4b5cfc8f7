"""What a registry refuses, beside the errors of the whole project (``lamella.errors``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import LamellaError

if TYPE_CHECKING:
    from collections.abc import Collection

    from lamella.model import BlobName, Digest
    from lamella.registry.names import Reference, Repository

_QUOTED = 100
"""Characters of a wrong name that a message repeats."""


class NameInvalid(LamellaError):
    """A text is not the name of a repository."""

    def __init__(self, name: str) -> None:
        super().__init__(f"not a repository name: {name[:_QUOTED]!r}")
        self.name = name


class TagInvalid(LamellaError):
    """A text is neither a tag nor a digest."""

    def __init__(self, tag: str) -> None:
        super().__init__(f"neither a tag nor a digest: {tag[:_QUOTED]!r}")
        self.tag = tag


class DigestInvalid(LamellaError):
    """A text is not a digest that this registry knows the algorithm of."""

    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(reason)
        self.digest = digest


class BlobUnknown(LamellaError):
    """No blob was stored with this SHA-512; one that is named by its digest is ``lamella.errors.NotFound``."""

    def __init__(self, name: BlobName) -> None:
        super().__init__(f"blob {name} is not in the store")
        self.name = name


class RepositoryUnknown(LamellaError):
    """A repository has no manifest."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(f"repository {repository} is not known")
        self.repository = repository


class ManifestUnknown(LamellaError):
    """A repository has no manifest of this tag or digest, or has lost its bytes, or a blob that it names (``lost``)."""

    def __init__(self, repository: Repository, reference: Reference | str, lost: Digest | None = None) -> None:
        reason = "" if lost is None else f": it has lost blob {lost}; push it again"
        super().__init__(f"manifest {reference} is not known in repository {repository}{reason}")
        self.repository = repository
        self.reference = reference
        self.lost = lost


class ManifestInvalid(LamellaError):
    """A manifest is not one that clients could use; ``field`` names where."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"manifest field {field}: {reason}" if field else f"manifest: {reason}")
        self.field = field
        self.reason = reason


class ManifestBlobsUnknown(LamellaError):
    """A manifest refers to blobs or manifests that the repository does not have; it was not stored."""

    def __init__(self, digests: Collection[BlobName]) -> None:
        super().__init__(f"not known: {', '.join(map(str, digests))}")
        self.digests = tuple(digests)


class UploadUnknown(LamellaError):
    """An upload was finished, cancelled, has expired, or was never begun."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(f"upload {upload_id[:_QUOTED]!r} is not known")
        self.upload_id = upload_id


class ChunkRefused(LamellaError):
    """A chunk does not begin where the upload, which has ``size`` bytes, ends."""

    def __init__(self, upload_id: str, size: int, reason: str) -> None:
        super().__init__(f"upload {upload_id} has {size} bytes: {reason}")
        self.upload_id = upload_id
        self.size = size


class LengthMismatch(LamellaError):
    """A request's body has not as many bytes as it announced."""

    def __init__(self, announced: int, actual: int) -> None:
        super().__init__(f"{announced} bytes were announced, {actual} came")
        self.announced = announced
        self.actual = actual


class CacheInvalid(LamellaError):
    """A cache that BuildKit exported is not one that BuildKit would import; ``field`` names where."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"cache: {field}: {reason}")
        self.field = field
        self.reason = reason
