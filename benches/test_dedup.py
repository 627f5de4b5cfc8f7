"""What the quick part of the corpus takes in Lamella's store, beside a registry's gzip layers and restic.

``python -m benches.dedup`` measures all of it, in every form, for ``docs/results.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benches.corpus import Corpus, CorpusError
from benches.dedup.measure import PLAIN, Measured, measure
from benches.dedup.tables import by_series

if TYPE_CHECKING:
    from pathlib import Path

MOST_OF_GZIP = 0.5


@pytest.mark.timeout(1800)
def test_stored_bytes(tmp_path: Path) -> None:
    corpus = Corpus(quick=True)
    results: list[Measured] = []
    for number, series in enumerate(corpus.series):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            results.append(measure(corpus, series, folder, [PLAIN]))
        except CorpusError as error:
            pytest.skip(str(error))
    print(f"\n{by_series(results)}")
    stored = sum(one.lamella[PLAIN].parts.total for one in results)
    assert stored <= MOST_OF_GZIP * sum(one.sizes["gzip"] for one in results)
    for compression in results[0].restic:
        assert stored <= sum(one.restic[compression] for one in results)
