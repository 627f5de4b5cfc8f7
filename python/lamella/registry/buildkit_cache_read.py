"""Reading the cache that a BuildKit build exported: a manifest or an index, and the cache config that it names.

What is accepted is what every BuildKit since 0.8 imports.
"""

from __future__ import annotations

import re
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import msgspec

from lamella.layers.media_types import INDEXES
from lamella.model import Descriptor, Digest
from lamella.registry.buildkit_cache import (
    MAX_SIZE,
    NO_PARENT,
    CacheConfig,
    CacheLayer,
    CacheManifest,
    CacheRecord,
    LayerTree,
    Link,
)
from lamella.registry.errors import CacheInvalid
from lamella.registry.manifest import BUILDKIT_CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII)


class _Layer(msgspec.Struct):
    blob: str
    # Go leaves out a zero.
    parent: int = 0
    annotations: msgspec.Raw = msgspec.Raw()


class _Result(msgspec.Struct, rename="camel"):
    layer: int = 0
    created_at: str = ""


class _Chain(msgspec.Struct, rename="camel"):
    layers: list[int]
    created_at: str = ""


class _Input(msgspec.Struct):
    link: int = 0
    selector: str = ""


class _Record(msgspec.Struct):
    digest: str
    inputs: list[list[_Input]] | None = None
    layers: list[_Result] | None = None
    chains: list[_Chain] | None = None


class _Config(msgspec.Struct):
    layers: list[_Layer] | None = None
    records: list[_Record] | None = None


class _Manifest(msgspec.Struct, rename="camel"):
    config: msgspec.Raw = msgspec.Raw()
    layers: list[msgspec.Raw] | None = None
    manifests: list[msgspec.Raw] | None = None


class _Descriptor(msgspec.Struct, rename="camel"):
    media_type: str
    digest: str
    size: int


def read_cache_manifest(body: bytes, media_type: str) -> CacheManifest:
    """Read a manifest or an index of a cache.

    Raises:
        CacheInvalid: it, or the config, is larger than BuildKit imports, or it does not name one config.
    """
    _check_size("the manifest", len(body))
    try:
        document = msgspec.json.decode(body, type=_Manifest)
        children = document.manifests if media_type in INDEXES else [document.config, *(document.layers or ())]
        described = [(_descriptor(child), bytes(child)) for child in children or ()]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise CacheInvalid("the manifest", str(error)) from None
    configs = [descriptor for descriptor, _ in described if descriptor.media_type == BUILDKIT_CONFIG]
    if len(configs) != 1:
        raise CacheInvalid("the manifest", f"it names {len(configs)} cache configs")
    _check_size("the config", configs[0].size)
    layers = {descriptor.digest: raw for descriptor, raw in described if descriptor.media_type != BUILDKIT_CONFIG}
    return CacheManifest(media_type, configs[0], layers)


def read_cache_config(body: bytes, manifest: CacheManifest) -> CacheConfig:
    """Read the config of a cache.

    Raises:
        CacheInvalid: it is larger than BuildKit imports, or is not one that every BuildKit imports.
    """
    _check_size("the config", len(body))
    try:
        document = msgspec.json.decode(body, type=_Config)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CacheInvalid("the config", str(error)) from None
    tree = LayerTree()
    layers = document.layers or []
    positions = _read_layers(layers, manifest, tree)
    records = _read_records(document.records or [], lambda record: _results(record, layers, positions, tree))
    return CacheConfig(tree.layers, records)


def _read_layers(layers: list[_Layer], manifest: CacheManifest, tree: LayerTree) -> dict[int, int]:
    """Add layers to a tree and return where each went."""
    parents = {at: () if layer.parent == NO_PARENT else (layer.parent,) for at, layer in enumerate(layers)}
    positions = {NO_PARENT: NO_PARENT}
    for at in _after_what_they_need("layers", parents):
        layer = layers[at]
        try:
            blob = Digest.parse(layer.blob)
        except ValueError as error:
            raise CacheInvalid(f"layers[{at}].blob", str(error)) from None
        if blob not in manifest.layers:
            raise CacheInvalid(f"layers[{at}].blob", f"the manifest does not name {blob}")
        positions[at] = tree.add(CacheLayer(blob, positions[layer.parent], bytes(layer.annotations)))
    return positions


def _read_records(records: list[_Record], results: Callable[[_Record], Mapping[int, str]]) -> list[CacheRecord]:
    links = {at: [link.link for links in record.inputs or () for link in links] for at, record in enumerate(records)}
    positions: dict[int, int] = {}
    found: list[CacheRecord] = []
    for at in _after_what_they_need("records", links):
        record = records[at]
        inputs = tuple(
            frozenset(Link(link.selector, positions[link.link]) for link in links) for links in record.inputs or ()
        )
        if not record.digest or not all(inputs):
            raise CacheInvalid(f"records[{at}]", "it has no digest, or an input without links")
        try:
            made = results(record)
        except ValueError as error:
            raise CacheInvalid(f"records[{at}]", str(error)) from None
        positions[at] = len(found)
        found.append(CacheRecord(record.digest, inputs, made))
    return found


def _results(record: _Record, layers: list[_Layer], positions: Mapping[int, int], tree: LayerTree) -> Mapping[int, str]:
    """Return a record's results, the last first (see ``buildkit_cache_write``); lists of layers are made stacks too."""
    results: list[tuple[int, str]] = []
    for result in record.layers or ():
        if not 0 <= result.layer < len(layers):
            raise ValueError(f"there is no layer {result.layer}")
        results.append((positions[result.layer], _checked_time(result.created_at)))
    for chain in record.chains or ():
        top = NO_PARENT
        for at in chain.layers:
            if not 0 <= at < len(layers):
                raise ValueError(f"there is no layer {at}")
            top = tree.add(CacheLayer(tree.layers[positions[at]].blob, top, bytes(layers[at].annotations)))
        if top != NO_PARENT:
            results.append((top, _checked_time(chain.created_at)))
    made: dict[int, str] = {}
    for top, time in reversed(results):
        made.setdefault(top, time)
    return made


def _after_what_they_need(name: str, needs: Mapping[int, Iterable[int]]) -> list[int]:
    """Return positions in an order in which each comes after those that it needs."""
    for at, needed in needs.items():
        for other in needed:
            if other not in needs:
                raise CacheInvalid(f"{name}[{at}]", f"it refers to {name}[{other}], which there is not")
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise CacheInvalid(f"{name}[{error.args[1][0]}]", "it refers to itself, through others") from None


def _checked_time(text: str) -> str:
    """Return a time; one that Go's parser would refuse spoils a whole import."""
    if text:
        if _TIME.match(text) is None:
            raise ValueError(f"{text[:40]!r} is not a time")
        datetime.fromisoformat(text)
    return text


def _descriptor(raw: msgspec.Raw) -> Descriptor:
    found = msgspec.json.decode(raw, type=_Descriptor)
    return Descriptor(Digest.parse(found.digest), found.size, found.media_type)


def _check_size(name: str, size: int) -> None:
    if size > MAX_SIZE:
        raise CacheInvalid(name, f"it has {size} bytes, and BuildKit imports no more than {MAX_SIZE}")
