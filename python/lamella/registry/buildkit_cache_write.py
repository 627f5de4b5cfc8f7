"""Writing a cache in the form that BuildKit imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from lamella.layers.media_types import INDEXES
from lamella.model import Digest
from lamella.registry.buildkit_cache import MAX_SIZE
from lamella.registry.manifest import BUILDKIT_CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lamella.registry.buildkit_cache import CacheConfig, CacheLayer, CacheRecord

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class CacheArtifact:
    """The bytes of a cache's config, and of the manifest or index that names it."""

    media_type: str
    config: bytes
    manifest: bytes

    @property
    def importable(self) -> bool:
        """Whether BuildKit imports something as large."""
        return max(len(self.config), len(self.manifest)) <= MAX_SIZE


def write_cache(cache: CacheConfig, media_type: str, descriptors: Mapping[Digest, bytes]) -> CacheArtifact:
    """Write a cache as an index or as an image manifest, whichever ``media_type`` is.

    ``descriptors`` has the JSON of each layer's descriptor. Equal arguments give equal bytes.
    """
    config = _encode({"layers": [*map(_layer, cache.layers)], "records": [*map(_record, cache.records)]})
    described = {"mediaType": BUILDKIT_CONFIG, "digest": str(Digest.of(config)), "size": len(config)}
    layers = [msgspec.Raw(descriptors[blob]) for blob in dict.fromkeys(layer.blob for layer in cache.layers)]
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_type}
    if media_type in INDEXES:
        document["manifests"] = [*layers, described]
    else:
        document |= {"config": described, "layers": layers}
    return CacheArtifact(media_type, config, _encode(document))


def _layer(layer: CacheLayer) -> dict[str, Any]:
    annotations = {"annotations": msgspec.Raw(layer.annotations)} if layer.annotations else {}
    return {"blob": str(layer.blob), "parent": layer.parent, **annotations}


def _record(record: CacheRecord) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if record.results:
        # The first comes last: of several, BuildKit 0.13 takes the last, and later ones the one that was made last.
        written["layers"] = [_result(top, made) for top, made in reversed([*record.results.items()])]
    written["digest"] = record.digest
    if record.inputs:
        written["inputs"] = [
            [
                {"selector": link.selector, "link": link.record} if link.selector else {"link": link.record}
                for link in links
            ]
            for links in map(sorted, record.inputs)
        ]
    return written


def _result(top: int, made: str) -> dict[str, Any]:
    return {"layer": top, "createdAt": made} if made else {"layer": top}
