"""The caches that were exported to a tag, and the merge of them that answers for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from lamella.index.keys import tag_key
from lamella.model import Digest

if TYPE_CHECKING:
    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1

MAX_EXPORTS: Final = 32
"""The most exports that are kept for a tag; the oldest one goes."""


class _Value(msgspec.Struct, array_like=True):
    version: int
    kept: list[bytes]
    merged: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


@dataclass(frozen=True, slots=True)
class Exports:
    """``kept`` are the manifests that were pushed to a tag, newest first, each once.

    ``merged`` is the manifest that was found to answer for just these, if one was.
    """

    kept: tuple[Digest, ...]
    merged: Digest | None = None


class CacheExports:
    """Methods that take a transaction are parts of a larger write; see ``Index.write``."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._exports = index.table("cache_exports")
        self._unmerged = index.table("cache_unmerged")

    def get(self, repository: str, tag: str) -> Exports | None:
        """Return what was exported to a tag; None where nothing was, or where it is not to be merged."""
        with self._index.read() as txn:
            return self._find(txn, repository, tag) if self._merges(txn, repository, tag) else None

    def kept(self, repository: str, tag: str) -> Exports | None:
        """Return what was exported to a tag, whether or not it is merged; None where nothing was."""
        with self._index.read() as txn:
            return self._find(txn, repository, tag)

    def merges(self, repository: str, tag: str = "") -> bool:
        """Tell whether exports to a tag are merged, or without one those to tags that have no setting of their own."""
        with self._index.read() as txn:
            return self._merges(txn, repository, tag)

    async def set_merges(self, repository: str, tag: str = "", *, merges: bool) -> None:
        """Say whether exports to a tag are merged, or without one, those to all tags of a repository."""
        key = tag_key(repository, tag)

        def put(txn: Transaction) -> None:
            if merges:
                self._unmerged.delete(txn, key)
            else:
                self._unmerged.put(txn, key, b"")

        await self._index.write(put)

    async def set_merged(self, repository: str, tag: str, exports: Exports) -> None:
        """Write down what answers for exports, if they are still those of the tag."""

        def put(txn: Transaction) -> None:
            known = self._find(txn, repository, tag)
            if known is not None and known.kept == exports.kept:
                self._put(txn, repository, tag, exports)

        await self._index.write(put)

    def add(self, txn: Transaction, repository: str, tag: str, digest: Digest) -> None:
        """Keep an export as the newest of a tag."""
        known = self._find(txn, repository, tag) or Exports(())
        older = (other for other in known.kept if other != digest)
        self._put(txn, repository, tag, Exports((digest, *older)[:MAX_EXPORTS]))

    def remove(self, txn: Transaction, repository: str, tag: str) -> None:
        """Forget what was exported to a tag."""
        self._exports.delete(txn, tag_key(repository, tag))

    def discard(self, txn: Transaction, repository: str, digest: Digest) -> list[str]:
        """Forget an export of any tag, and return the tags that a merge of this digest answers for."""
        prefix = tag_key(repository, "")
        merged: list[str] = []
        for tag in [key[len(prefix) :].decode() for key, _ in self._exports.scan(txn, prefix=prefix)]:
            exports = self._find(txn, repository, tag)
            if exports is None:
                continue
            if exports.merged == digest and self._merges(txn, repository, tag):
                merged.append(tag)
            elif digest in exports.kept:
                kept = tuple(other for other in exports.kept if other != digest)
                self._put(txn, repository, tag, Exports(kept))
        return merged

    def _merges(self, txn: Transaction, repository: str, tag: str) -> bool:
        return all(self._unmerged.get(txn, tag_key(repository, name)) is None for name in ("", tag))

    def _find(self, txn: Transaction, repository: str, tag: str) -> Exports | None:
        value = self._exports.get(txn, tag_key(repository, tag))
        if value is None:
            return None
        fields = _decode(value)
        return Exports(tuple(map(Digest, fields.kept)), Digest(fields.merged) if fields.merged else None)

    def _put(self, txn: Transaction, repository: str, tag: str, exports: Exports) -> None:
        merged = b"" if exports.merged is None else exports.merged.raw
        value = _Value(VALUE_VERSION, [digest.raw for digest in exports.kept], merged)
        self._exports.put(txn, tag_key(repository, tag), _encode(value))
