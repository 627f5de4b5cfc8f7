"""``python -m benches.corpus``: make the corpus, and say what it is."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from benches.corpus.build import FOLDER, Corpus, digest_of
from benches.corpus.encoders import EXTENSIONS
from benches.corpus.errors import CorpusError
from lamella.cli.text import echo_table, size_text


@click.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=FOLDER, show_default=True)
@click.option("--quick", is_flag=True, help="Only a seventh of it.")
@click.option("--without-debian", is_flag=True, help="No root file systems: they need mmdebstrap.")
@click.option("--plain-only", is_flag=True, help="No compressed layers: they need Go.")
def main(*, folder: Path, quick: bool, without_debian: bool, plain_only: bool) -> None:
    """Make layers of real releases: some 2.5 GB as plain tars, twice that with the compressed ones.

    It may be stopped and started again: what is made is kept in the folder.

    \b
        python -m benches.corpus --quick
    """
    corpus = Corpus(folder, quick=quick, debian=not without_debian)
    encodings = [] if plain_only else list(EXTENSIONS)
    try:
        for layer in track(list(corpus), "making layers", console=Console(stderr=True)):
            corpus.plain(layer)
            for encoding in encodings:
                corpus.compressed(layer, encoding)
    except CorpusError as error:
        raise click.ClickException(str(error)) from None
    rows = []
    for series in corpus.series:
        plain = [corpus.plain(layer) for layer in series.layers]
        sizes = [_size(plain)]
        sizes += [_size([corpus.compressed(layer, encoding) for layer in series.layers]) for encoding in encodings]
        rows.append([series.name, str(len(plain)), *sizes, digest_of(plain)[:12]])
    echo_table(["series", "layers", "tar", *encodings, "digest of the tars"], rows, right=range(1, 3 + len(encodings)))


def _size(paths: list[Path]) -> str:
    return size_text(sum(path.stat().st_size for path in paths))


if __name__ == "__main__":
    main()
