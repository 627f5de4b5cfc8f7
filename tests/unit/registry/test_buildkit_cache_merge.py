"""Merging BuildKit's caches."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.layers.media_types import INDEX, MANIFEST
from lamella.registry.buildkit_cache import CacheConfig, CacheRecord, Link
from lamella.registry.buildkit_cache_merge import merge
from lamella.registry.buildkit_cache_read import read_cache_config, read_cache_manifest
from lamella.registry.buildkit_cache_write import write_cache
from tests.unit.registry.caches import DESCRIPTORS, RECORDED, caches, find, manifest_of, shuffled, stack

if TYPE_CHECKING:
    from lamella.model import Digest

EXPORTS = st.lists(caches(), min_size=1, max_size=4)
ANY_EXPORTS = st.lists(caches(loops=True), min_size=1, max_size=4)


def recorded(name: str, form: str = "manifest") -> tuple[CacheConfig, dict[Digest, bytes]]:
    media_type = INDEX if form == "index" else MANIFEST
    manifest = read_cache_manifest((RECORDED / f"{name}.{form}.json").read_bytes(), media_type)
    return read_cache_config((RECORDED / f"{name}.config.json").read_bytes(), manifest), dict(manifest.layers)


def lookups(export: CacheConfig, merged: CacheConfig) -> list[list[int]]:
    """Look every record of an export up in a merge, each by what its inputs were found as."""
    found: list[list[int]] = []
    for record in export.records:
        inputs = [{Link(link.selector, at) for link in links for at in found[link.record]} for links in record.inputs]
        found.append(find(merged, record.digest, inputs))
    return found


@given(EXPORTS)
def test_every_record_of_every_export_is_found_once_with_all_its_results(exports: list[CacheConfig]) -> None:
    merged = merge(exports)
    for export in exports:
        for record, found in zip(export.records, lookups(export, merged), strict=True):
            [at] = found
            results = {stack(merged, top) for top in merged.records[at].results}
            assert {stack(export, top) for top in record.results} <= results


@given(EXPORTS)
def test_nothing_is_in_a_merge_that_is_in_no_export(exports: list[CacheConfig]) -> None:
    merged = merge(exports)
    seen = {at for export in exports for found in lookups(export, merged) for at in found}
    assert seen == set(range(len(merged.records)))
    results = {stack(export, top) for export in exports for record in export.records for top in record.results}
    assert {stack(merged, top) for record in merged.records for top in record.results} == results
    used = {tuple(blobs[: at + 1]) for blobs in results for at in range(len(blobs))}
    assert Counter(stack(merged, at) for at in range(len(merged.layers))) == Counter(used)


@given(EXPORTS)
def test_no_two_records_of_a_merge_are_one(exports: list[CacheConfig]) -> None:
    merged = merge(exports)
    for at, record in enumerate(merged.records):
        assert find(merged, record.digest, [set(links) for links in record.inputs]) == [at]


@given(ANY_EXPORTS)
def test_links_and_parents_of_a_merge_are_valid(exports: list[CacheConfig]) -> None:
    merged = merge(exports)
    for at, record in enumerate(merged.records):
        assert all(links and all(0 <= link.record < at for link in links) for links in record.inputs)
        assert all(0 <= top < len(merged.layers) for top in record.results)
    assert all(-1 <= layer.parent < at for at, layer in enumerate(merged.layers))
    expected = Counter({(record.digest, len(record.inputs)): 1 for export in exports for record in export.records})
    assert {(record.digest, len(record.inputs)) for record in merged.records} == set(expected)


@given(ANY_EXPORTS)
def test_merging_again_changes_nothing(exports: list[CacheConfig]) -> None:
    merged = merge(exports)
    artifact = write_cache(merged, MANIFEST, DESCRIPTORS)
    read = read_cache_config(artifact.config, read_cache_manifest(artifact.manifest, MANIFEST))
    assert write_cache(merge([read]), MANIFEST, DESCRIPTORS) == artifact
    assert write_cache(merge([merged, merged]), MANIFEST, DESCRIPTORS) == artifact
    assert merge([*exports, exports[0]]) == merge(exports)


@given(EXPORTS, st.integers(0, 1 << 32))
def test_a_merge_does_not_depend_on_the_order_within_an_export(exports: list[CacheConfig], seed: int) -> None:
    others = [read_cache_config(shuffled(export, seed), manifest_of(export)) for export in exports]
    assert without_times(merge(others)) == without_times(merge(exports))


def without_times(config: CacheConfig) -> CacheConfig:
    """Leave out what the order of equal records of one export decides."""
    records = [
        CacheRecord(record.digest, record.inputs, dict.fromkeys(sorted(record.results), ""))
        for record in config.records
    ]
    return CacheConfig(config.layers, records)


def test_a_record_that_links_two_others_makes_them_one() -> None:
    """Otherwise a BuildKit that knows two matches for a record refuses the whole cache."""

    def export(*links: int) -> CacheConfig:
        sources = [CacheRecord("one"), CacheRecord("two")]
        return CacheConfig([], [*sources, CacheRecord("step", (frozenset(Link("", at) for at in links),))])

    merged = merge([export(0), export(1), export(0, 1)])
    assert [record.digest for record in merged.records] == ["one", "two", "step"]
    assert merged.records[2].inputs == (frozenset({Link("", 0), Link("", 1)}),)


def test_what_stands_on_records_that_become_one_becomes_one_as_well() -> None:
    def export(*links: int) -> CacheConfig:
        step = CacheRecord("step", (frozenset(Link("", at) for at in links),))
        last = CacheRecord("last", (frozenset({Link("", 2)}),))
        return CacheConfig([], [CacheRecord("one"), CacheRecord("two"), step, last])

    assert len(merge([export(0), export(1)]).records) == 6
    assert len(merge([export(0), export(1), export(0, 1)]).records) == 4


def test_a_link_that_would_close_a_loop_is_left_out() -> None:
    source, step = CacheRecord("source"), CacheRecord("step", (frozenset({Link("", 0)}),))
    above = CacheRecord("above", (frozenset({Link("", 1)}),))
    again = CacheRecord("step", (frozenset({Link("", 0), Link("", 2)}),))
    merged = merge([CacheConfig([], [source, step, above, again])])
    assert merged.records == [source, step, above]


@pytest.mark.parametrize("form", ["manifest", "index"])
def test_a_recorded_export_keeps_all_it_has(form: str) -> None:
    export, descriptors = recorded("done", form)
    merged = merge([export])
    assert len(merged.records) == len(export.records) == 9
    assert {layer.blob for layer in merged.layers} == descriptors.keys()
    assert all(len(found) == 1 for found in lookups(export, merged))


def test_recorded_exports_of_two_dockerfiles_merge_into_what_both_have() -> None:
    (done, one), (other, two) = recorded("done"), recorded("other")
    merged = merge([other, done])
    digests = {record.digest for record in done.records} | {record.digest for record in other.records}
    assert sorted(record.digest for record in merged.records) == sorted(digests)
    assert len(digests) == 10
    for export in (done, other):
        for record, [at] in zip(export.records, lookups(export, merged), strict=True):
            results = {stack(merged, top): made for top, made in merged.records[at].results.items()}
            assert results.items() >= {stack(export, top): made for top, made in record.results.items()}.items()
    artifact = write_cache(merged, MANIFEST, one | two)
    layers = json.loads(artifact.manifest)["layers"]
    assert {layer["digest"] for layer in layers} == {str(blob) for blob in one | two}
    assert all("containerd.io/uncompressed" in layer["annotations"] for layer in layers)


def test_the_newest_results_come_first() -> None:
    (done, _), (other, _) = recorded("done"), recorded("other")
    for exports in ([done, other], [other, done]):
        merged = merge(exports)
        for record, [at] in zip(exports[0].records, lookups(exports[0], merged), strict=True):
            newest = [stack(merged, top) for top in merged.records[at].results][: len(record.results)]
            assert newest == [stack(exports[0], top) for top in record.results]


def test_buildkit_finds_the_newest_result_at_the_end() -> None:
    """BuildKit 0.13 keeps the last result of a record that it reads, and no other."""
    (done, one), (other, two) = recorded("done"), recorded("other")
    merged = merge([done, other])
    artifact = write_cache(merged, MANIFEST, one | two)
    written = json.loads(artifact.config)["records"]
    several = [at for at, record in enumerate(merged.records) if len(record.results) > 1]
    assert several
    for at in several:
        assert [result["layer"] for result in written[at]["layers"]] == [*reversed(merged.records[at].results)]
    again = read_cache_config(artifact.config, read_cache_manifest(artifact.manifest, MANIFEST))
    assert [[*record.results.items()] for record in again.records] == [
        [*record.results.items()] for record in merged.records
    ]


def test_what_would_take_too_long_to_unite_stays_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    step = [CacheRecord("source"), CacheRecord("step", (frozenset({Link("", 0)}),))]
    exports = [CacheConfig([], step)] * 3
    assert len(merge(exports).records) == 2
    monkeypatch.setattr("lamella.registry.buildkit_cache_merge.MAX_COMPARISONS", 0)
    assert len(merge(exports).records) == 6
