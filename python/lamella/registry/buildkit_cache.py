"""A cache that a BuildKit build exported: steps, what they were made from, and the layers they gave.

``docs/buildkit-cache.md`` describes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lamella.model import Descriptor, Digest

MAX_SIZE: Final = 1 << 20
"""The largest cache manifest, and the largest config, in bytes, that BuildKit imports."""

NO_PARENT: Final = -1


class Link(NamedTuple):
    """An alternative of a record's input: a record, and the part of its result that is used (empty: all)."""

    selector: str
    record: int


@dataclass(frozen=True, slots=True)
class CacheLayer:
    """A layer on top of another: ``parent`` is that one, or ``NO_PARENT``. ``annotations`` are JSON, or empty."""

    blob: Digest
    parent: int
    annotations: bytes = b""


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """A step's cache key, and the results that are known for it.

    ``inputs`` has, for each input of the step, the keys that stand for it: any of them will do. ``results`` gives,
    by the top layer of each result, when it was made (RFC 3339, or empty); the one to take is the first.
    """

    digest: str
    inputs: tuple[frozenset[Link], ...] = ()
    results: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """Layers and records; whatever one refers to, by position, comes before it, and no two layers are equal."""

    layers: list[CacheLayer] = field(default_factory=list)
    records: list[CacheRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CacheManifest:
    """``layers`` has the descriptor of each blob as the JSON that was pushed."""

    media_type: str
    config: Descriptor
    layers: Mapping[Digest, bytes]


class LayerTree:
    """Stacks of layers; those that begin alike share what they begin with."""

    def __init__(self) -> None:
        self.layers: list[CacheLayer] = []
        self._positions: dict[tuple[Digest, int], int] = {}

    def add(self, layer: CacheLayer) -> int:
        """Return the position of a layer whose parent is in the tree; the first one's annotations stay."""
        position = self._positions.setdefault((layer.blob, layer.parent), len(self.layers))
        if position == len(self.layers):
            self.layers.append(layer)
        return position
