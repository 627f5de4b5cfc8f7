"""The identity of a file system made of a stack of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.model.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable

SCRATCH = Digest.of(b"")
"""The chain ID of no layers, that is of ``FROM scratch``. OCI leaves it undefined; we use the digest of no bytes."""


def extend_chain(parent: Digest, diff_id: Digest) -> Digest:
    """Return the chain ID of ``parent`` with one more layer on top (OCI Image Specification 1.1, "Layer ChainID")."""
    if parent == SCRATCH:
        return diff_id
    return Digest.of(f"{parent} {diff_id}".encode())


def chain_id(diff_ids: Iterable[Digest]) -> Digest:
    """Return the chain ID of a stack of layers, lowest first; ``SCRATCH`` for an empty one."""
    chain = SCRATCH
    for diff_id in diff_ids:
        chain = extend_chain(chain, diff_id)
    return chain
