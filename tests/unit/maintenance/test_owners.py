"""Which blobs one project alone needs, against counting them."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lamella.maintenance.marker import split
from lamella.maintenance.owners import Owners
from lamella.model import Digest

DIGESTS = [Digest.of(bytes([n])) for n in range(12)]


@given(st.lists(st.lists(st.sets(st.sampled_from(DIGESTS)), max_size=3), max_size=6))
def test_each_blob_is_owned_by_the_only_project_that_needs_it(projects: list[list[set[Digest]]]) -> None:
    owners = Owners()
    owned: list[set[Digest]] = []
    for claims in projects:
        owners.begin()
        owned.append(set())
        known: set[Digest] = set()
        for claimed in claims:
            change = owners.claim(b"".join(digest.raw for digest in claimed - known))
            known |= claimed
            owned[-1] |= set(split(change.first))
            for project, lost in change.lost.items():
                assert lost <= owned[project]
                owned[project] -= lost
    needs = [set[Digest]().union(*claims) for claims in projects]
    counts = Counter(digest for need in needs for digest in need)
    assert owned == [{digest for digest in need if counts[digest] == 1} for need in needs]
