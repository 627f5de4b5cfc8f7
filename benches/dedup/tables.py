"""The figures as tables for ``docs/results.md``; sizes in MB (a million bytes)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches.dedup.measure import COMPRESSIONS, PLAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.dedup.lamella_store import Parts
    from benches.dedup.measure import Measured


def by_series(results: Sequence[Measured]) -> str:
    """Every series, pushed as plain tars, beside the peers."""
    header = ["series", "layers", "tar", "gzip", "zstd", "restic", "restic max", "Lamella"]
    header += ["of gzip", "of restic", "of restic max"]
    rows = [_row(one) for one in results]
    sums = [sum(column) for column in zip(*rows, strict=True)]
    body = [
        [name, f"{numbers[0]}", *map(_megabytes, numbers[1:]), *_ratios(numbers)]
        for name, numbers in [*((one.series, row) for one, row in zip(results, rows, strict=True)), ("**all**", sums)]
    ]
    return _table(header, body)


def by_form(results: Sequence[Measured], forms: Sequence[str]) -> str:
    """All series together, by what was pushed."""
    gzip = sum(one.sizes["gzip"] for one in results)
    body = []
    for form in forms:
        size = sum(one.sizes[form] for one in results)
        stored = sum(one.lamella[form].parts.total for one in results)
        cold = sum(one.lamella[form].cold for one in results)
        layers = sum(one.layers for one in results)
        ratios = [f"{stored / size:.2f}", f"{stored / gzip:.2f}"]
        body.append([form, _megabytes(size), _megabytes(stored), *ratios, f"{cold} of {layers}"])
    return _table(["pushed as", "pushed", "Lamella", "of pushed", "of gzip", "layers turned cold"], body)


def by_part(parts: Parts) -> str:
    """What the bytes are for."""
    named = {
        "compressed chunks": parts.frames,
        "pack headers and footers": parts.footers,
        "recipes": parts.recipes,
        "index": parts.index,
        "blobs that stay whole": parts.whole,
    }
    body = [[name, _megabytes(size), f"{size / parts.total:.1%}"] for name, size in named.items()]
    return _table(["part", "MB", "share"], [*body, ["**all**", _megabytes(parts.total), ""]])


def _row(one: Measured) -> list[int]:
    peers = [one.restic.get(compression, 0) for compression in COMPRESSIONS]
    sizes = [one.sizes[form] for form in (PLAIN, "gzip", "zstd")]
    return [one.layers, *sizes, *peers, one.lamella[PLAIN].parts.total]


def _ratios(numbers: Sequence[int]) -> list[str]:
    _, _, gzip, _, *restic, lamella = numbers
    return [f"{lamella / peer:.2f}" if peer else "-" for peer in (gzip, *restic)]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}" if size else "-"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table, all but the first column aligned to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *rows))
