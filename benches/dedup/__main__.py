"""``python -m benches.dedup``: measure the whole corpus and write the tables into ``docs/results.md``."""

from __future__ import annotations

import tempfile
from functools import reduce
from operator import add
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import Progress

from benches.corpus import Corpus, CorpusError
from benches.corpus.build import FOLDER, digest_of
from benches.corpus.encoders import go_version
from benches.dedup.measure import FORMS, PLAIN, Measured, measure, steps
from benches.dedup.restic import Restic
from benches.dedup.tables import by_form, by_part, by_series

RESULTS: Final = Path(__file__).parents[2] / "docs" / "results.md"
"""The page that the tables are for."""

BEGIN: Final = "<!-- begin: written by make results -->\n"
END: Final = "<!-- end -->\n"
"""What is between these two lines is replaced."""


@click.command()
@click.option("--corpus", "folder", type=click.Path(file_okay=False, path_type=Path), default=FOLDER, show_default=True)
@click.option("--quick", is_flag=True, help="Only a seventh of the corpus; nothing is written.")
@click.option("--without-debian", is_flag=True, help="No root file systems; nothing is written.")
@click.option("--form", "forms", type=click.Choice(FORMS), multiple=True, default=FORMS, help="What to push.  [all]")
def main(*, folder: Path, quick: bool, without_debian: bool, forms: tuple[str, ...]) -> None:
    """Store the corpus in each way, and show what it takes; the page is written when all of it was measured.

    \b
        python -m benches.dedup --quick --form tar
    """
    corpus = Corpus(folder, quick=quick, debian=not without_debian)
    forms = tuple(form for form in FORMS if form == PLAIN or form in forms)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        results = _measure(corpus, folder, forms)
    except CorpusError as error:
        raise click.ClickException(str(error)) from None
    text = _text(corpus, results, forms)
    click.echo(text)
    if not quick and not without_debian and forms == FORMS:
        page = RESULTS.read_text("utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[-1]
        RESULTS.write_text(f"{before}{BEGIN}{text}{END}{after}", "utf-8")


def _measure(corpus: Corpus, folder: Path, forms: tuple[str, ...]) -> list[Measured]:
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("storing layers", total=sum(steps(series, forms) for series in corpus.series))
        results = []
        for series in corpus.series:
            progress.update(task, description=series.name)
            with tempfile.TemporaryDirectory(dir=folder) as stores:
                results.append(measure(corpus, series, Path(stores), forms, lambda: progress.advance(task)))
        return results


def _text(corpus: Corpus, results: list[Measured], forms: tuple[str, ...]) -> str:
    digest = digest_of([corpus.plain(layer) for layer in corpus])
    parts = reduce(add, (one.lamella[PLAIN].parts for one in results))
    peers = f"{Restic.version() or 'no restic'}, {go_version()}, corpus {digest[:12]}"
    return "\n".join(
        [
            "### Pushed as plain tars, in MB\n",
            by_series(results),
            "### By what is pushed, in MB\n",
            by_form(results, forms),
            "### What the bytes are for, plain tars pushed\n",
            by_part(parts),
            f"{parts.chunks:,} chunks, on average {parts.chunk_bytes // max(parts.chunks, 1):,} bytes long; {peers}.\n",
        ]
    )


if __name__ == "__main__":
    main()
