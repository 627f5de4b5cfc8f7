"""Where content is cut: as ``docs/formats.md`` defines it, and as it was cut before."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import Chunker

VECTORS = json.loads((Path(__file__).parent / "fast_cdc.json").read_text())

GEAR = [int.from_bytes(hashlib.md5(bytes([byte]) * 64, usedforsecurity=False).digest()[:8]) for byte in range(256)]
STRICT, LOOSE = 0x0000D90103530000, 0x0000001800035300
"""The masks for an average of 1,024 bytes, times four and by four."""


def stream(size: int) -> bytes:
    """The content of the vectors: SHA-256 of the numbers from 0 on, each in 8 bytes, big-endian."""
    blocks = (hashlib.sha256(number.to_bytes(8)).digest() for number in range(-(-size // 32)))
    return b"".join(blocks)[:size]


def cut(path: Path, content: bytes, minimum: int, average: int, maximum: int) -> list[int]:
    path.write_bytes(content)
    chunker = Chunker(path, minimum=minimum, average=average, maximum=maximum)
    sizes = []
    while (batch := chunker.next()) is not None:
        sizes += batch.sizes
    return sizes


def first_cut(content: bytes, minimum: int, average: int, maximum: int) -> int:
    """The definition, as slow as it is short."""
    content = content[:maximum]
    value = 0
    if len(content) <= minimum:
        return len(content)
    for position in range(minimum, len(content) - 1, 2):
        mask = STRICT if position < average else LOOSE
        value = (value * 4 + GEAR[content[position]] * 2) % (1 << 64)
        if value & (mask * 2) == 0:
            return position
        value = (value + GEAR[content[position + 1]]) % (1 << 64)
        if value & mask == 0:
            return position + 1
    return len(content)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["average"]))
def test_cuts_are_where_they_were(vector: dict[str, Any], tmp_path: Path) -> None:
    sizes = cut(tmp_path / "blob", stream(vector["size"]), vector["minimum"], vector["average"], vector["maximum"])
    assert sizes == vector["chunks"]


@given(
    pieces=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2000)), max_size=5),
    bounds=st.sampled_from([(256, 1024, 4096), (64, 1024, 1025), (1024, 1024, 1024)]),
)
def test_cuts_are_where_the_definition_says(
    pieces: list[tuple[int, int]], bounds: tuple[int, int, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = b"".join(bytes(size) if kind == 0 else stream(size) for kind, size in pieces)
    expected, rest = [], content
    while rest:
        expected.append(first_cut(rest, *bounds))
        rest = rest[expected[-1] :]
    assert cut(tmp_path_factory.mktemp("cuts") / "blob", content, *bounds) == expected
