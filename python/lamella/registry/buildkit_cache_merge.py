"""Uniting caches that BuildKit exported.

Two records are one when they have the same digest and, for each of their inputs, an alternative in common: that is how
BuildKit itself tells what it knows already from what is new (``docs/buildkit-cache.md``, "What becomes one").
"""

from __future__ import annotations

from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final, TypeAlias

from lamella.registry.buildkit_cache import NO_PARENT, CacheConfig, CacheLayer, CacheRecord, LayerTree, Link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_COMPARISONS: Final = 2_000_000
"""After that many nothing more is united; a cache that was made by hand could make it last for ever."""

_Key: TypeAlias = tuple[str, int, int, str, int]


def merge(configs: Sequence[CacheConfig]) -> CacheConfig:
    """Unite caches, newest first; the outcome depends on the caches and their order only.

    It has every record and every result. Where two caches have a result of the same layers, the newer one says when
    it was made.
    """
    tree = LayerTree()
    records: list[CacheRecord] = []
    for config in configs:
        records += list(_moved(config, tree, len(records)))
    classes = _Classes(records)
    return _arranged(tree.layers, _without_loops(classes.combined(), _heights(records, classes)))


def _moved(config: CacheConfig, tree: LayerTree, offset: int) -> Iterator[CacheRecord]:
    """Move a cache's layers into a tree, and yield its records as they count from ``offset``."""
    positions = {NO_PARENT: NO_PARENT}
    for at, layer in enumerate(config.layers):
        positions[at] = tree.add(CacheLayer(layer.blob, positions[layer.parent], layer.annotations))
    for record in config.records:
        inputs = tuple(
            frozenset(Link(link.selector, link.record + offset) for link in links) for links in record.inputs
        )
        yield CacheRecord(record.digest, inputs, {positions[at]: made for at, made in record.results.items()})


class _Classes:
    """Which records are one; a class goes by its first record."""

    def __init__(self, records: Sequence[CacheRecord]) -> None:
        self._records = records
        self._first = list(range(len(records)))
        self._comparisons = 0
        while self._unite():
            pass

    def find(self, at: int) -> int:
        """Return the first record of the class that a record is in."""
        first = self._first
        while first[at] != at:
            first[at] = first[first[at]]
            at = first[at]
        return at

    def combined(self) -> dict[int, CacheRecord]:
        """Return a record for each class, with all inputs and results of those in it."""
        inputs: dict[int, list[set[Link]]] = {}
        results: dict[int, dict[int, str]] = {}
        for at, record in enumerate(self._records):
            first = self.find(at)
            for known, links in zip(
                inputs.setdefault(first, [set() for _ in record.inputs]), record.inputs, strict=True
            ):
                known.update(Link(link.selector, self.find(link.record)) for link in links)
            for top, made in record.results.items():
                results.setdefault(first, {}).setdefault(top, made)
        return {
            first: CacheRecord(self._records[first].digest, tuple(map(frozenset, links)), results.get(first, {}))
            for first, links in inputs.items()
        }

    def _unite(self) -> bool:
        """Unite what has an alternative in common, and tell whether to look again."""
        combined = self.combined()
        known: defaultdict[_Key, set[int]] = defaultdict(set)
        for at, record in combined.items():
            for keys in self._keys(record):
                for key in keys:
                    known[key].add(at)
        changed = False
        for at, record in combined.items():
            # Uniting the records that this one is made from may have made it equal to another.
            classes = {self.find(at), *map(self.find, self._alike(record, known))}
            if self._comparisons > MAX_COMPARISONS:
                return False
            changed |= len(classes) > 1
            for other in classes:
                self._first[other] = min(classes)
        return changed

    def _alike(self, record: CacheRecord, known: Mapping[_Key, set[int]]) -> set[int]:
        """Return the records that have an alternative of each input."""
        alternatives = self._keys(record)
        fewest = min(alternatives, key=lambda keys: sum(len(known[key]) for key in keys))
        self._comparisons += sum(len(known[key]) for key in fewest)
        candidates = set[int]().union(*(known[key] for key in fewest))
        return {at for at in candidates if all(any(at in known[key] for key in keys) for keys in alternatives)}

    def _keys(self, record: CacheRecord) -> list[list[_Key]]:
        """Return, for each input, what a record with the same alternative has too."""
        count = len(record.inputs)
        if not count:
            return [[(record.digest, 0, 0, "", 0)]]
        return [
            [(record.digest, count, position, link.selector, self.find(link.record)) for link in links]
            for position, links in enumerate(record.inputs)
        ]


def _heights(records: Sequence[CacheRecord], classes: _Classes) -> Mapping[int, int]:
    """Return, for each class, the least number of records on top of each other that one of it stands on."""
    own: list[int] = []
    least: dict[int, int] = {}
    for at, record in enumerate(records):
        own.append(max((own[link.record] + 1 for links in record.inputs for link in links), default=0))
        least[classes.find(at)] = min(own[at], least.get(classes.find(at), own[at]))
    return least


def _without_loops(records: Mapping[int, CacheRecord], heights: Mapping[int, int]) -> dict[int, CacheRecord]:
    """Leave out links that make a record its own input, through others; BuildKit refuses a cache with such a loop.

    Every loop has a link that does not lead upwards. The lowest record of a class stood on lower ones only, so each
    input keeps an alternative.
    """
    looping = _looping(
        {at: {link.record for links in record.inputs for link in links} for at, record in records.items()}
    )

    def keeps(link: Link, at: int) -> bool:
        return at not in looping or link.record not in looping or heights[link.record] < heights[at]

    return {
        at: CacheRecord(
            record.digest,
            tuple(frozenset(link for link in links if keeps(link, at)) for links in record.inputs),
            record.results,
        )
        for at, record in records.items()
    }


def _looping(needs: Mapping[int, set[int]]) -> set[int]:
    """Return what is on loops, or between two of them."""
    needed: dict[int, set[int]] = {at: set() for at in needs}
    for at, others in needs.items():
        for other in others:
            needed[other].add(at)
    return _unordered(needs) & _unordered(needed)


def _unordered(needs: Mapping[int, set[int]]) -> set[int]:
    """Return what cannot come after all that it needs."""
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError:
        left = set(needs)
        while ready := sorter.get_ready():
            left.difference_update(ready)
            sorter.done(*ready)
        return left
    return set()


def _arranged(layers: Sequence[CacheLayer], records: Mapping[int, CacheRecord]) -> CacheConfig:
    """Put layers and records into an order that depends on nothing but themselves."""
    arranged, tops = _arranged_layers(layers, {top for record in records.values() for top in record.results})
    order = TopologicalSorter({at: {link.record for links in r.inputs for link in links} for at, r in records.items()})
    order.prepare()
    positions: dict[int, int] = {}
    found: list[CacheRecord] = []
    while ready := order.get_ready():
        level = {
            at: tuple(
                frozenset(Link(link.selector, positions[link.record]) for link in links) for links in records[at].inputs
            )
            for at in ready
        }
        for at, inputs in sorted(level.items(), key=lambda item: (records[item[0]].digest, [*map(sorted, item[1])])):
            positions[at] = len(found)
            results = {tops[top]: made for top, made in records[at].results.items()}
            found.append(CacheRecord(records[at].digest, inputs, results))
        order.done(*ready)
    return CacheConfig(arranged, found)


def _arranged_layers(layers: Sequence[CacheLayer], tops: set[int]) -> tuple[list[CacheLayer], dict[int, int]]:
    """Return the layers that are in use, in order, and where each went."""
    used = set(tops)
    for at in range(len(layers) - 1, -1, -1):
        if at in used:
            used.add(layers[at].parent)
    levels: defaultdict[int, list[int]] = defaultdict(list)
    heights = {NO_PARENT: 0}
    for at in sorted(used - {NO_PARENT}):
        heights[at] = heights[layers[at].parent] + 1
        levels[heights[at]].append(at)
    positions = {NO_PARENT: NO_PARENT}
    found: list[CacheLayer] = []
    for _, level in sorted(levels.items()):
        for at in sorted(level, key=lambda at: (positions[layers[at].parent], layers[at].blob)):
            positions[at] = len(found)
            found.append(CacheLayer(layers[at].blob, positions[layers[at].parent], layers[at].annotations))
    return found, positions
