"""Puts the corpus into each store and counts the bytes; every series has stores of its own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benches.corpus.encoders import EXTENSIONS
from benches.dedup.lamella_store import LamellaStore, Parts
from benches.dedup.restic import Restic
from benches.dedup.sizes import folder_total, total

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benches.corpus import Corpus, Series

PLAIN: Final = "tar"
"""Layers as plain tars."""

FORMS: Final = (PLAIN, *EXTENSIONS)
"""How layers are pushed."""

COMPRESSIONS: Final = ("auto", "max")
"""How restic compresses: its default, and as well as it can."""


@dataclass(frozen=True)
class Stored:
    """What Lamella's store holds of one series pushed in one form."""

    parts: Parts
    cold: int
    """How many of the layers could be turned cold."""


@dataclass
class Measured:
    """One series: bytes of its layers in each form, and of each store after all of them came."""

    series: str
    layers: int
    sizes: dict[str, int] = field(default_factory=dict)
    restic: dict[str, int] = field(default_factory=dict)
    lamella: dict[str, Stored] = field(default_factory=dict)


def steps(series: Series, forms: Sequence[str]) -> int:
    """Return how often ``measure`` calls ``progress`` for a series."""
    return len(series.layers) * (len(forms) + len(COMPRESSIONS))


def measure(
    corpus: Corpus,
    series: Series,
    folder: Path,
    forms: Sequence[str] = FORMS,
    progress: Callable[[], None] = lambda: None,
) -> Measured:
    """Measure one series; ``folder`` is for the stores, and has none of them afterwards.

    Raises:
        CorpusError: a layer cannot be made.
        AssertionError: Lamella's store gives back other bytes than it got.
    """
    paths = {PLAIN: [corpus.plain(layer) for layer in series.layers]}
    for form in EXTENSIONS:
        paths[form] = [corpus.compressed(layer, form) for layer in series.layers]
    result = Measured(series.name, len(series.layers), {form: total(files) for form, files in paths.items()})
    if Restic.version() is not None:
        for compression in COMPRESSIONS:
            repository = Restic(folder / "restic", compression)
            for path in paths[PLAIN]:
                repository.add(path)
                progress()
            result.restic[compression] = folder_total(repository.folder)
            shutil.rmtree(repository.folder)
    for form in forms:
        with LamellaStore(folder / "lamella") as store:
            cold = 0
            for path in paths[form]:
                cold += store.add(path)
                progress()
            store.check()
            result.lamella[form] = Stored(store.parts(), cold)
        shutil.rmtree(folder / "lamella")
    return result
