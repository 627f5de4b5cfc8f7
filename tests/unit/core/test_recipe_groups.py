"""Groups of chunks as Python sees them; the rules themselves are tested in Rust."""

from __future__ import annotations

import pytest

from lamella._core import Recipe, chunk_recipe

A, B, C, D = (bytes([name]) * 32 for name in range(4))


def recipe(*pieces: tuple[bytes, int] | bytes) -> Recipe:
    return Recipe(chunk_recipe(bytes(32), pieces))


def test_distinct_tells_where_chunks_first_appear() -> None:
    found = recipe(b"head", (A, 1000), (B, 2000), b"padding", (A, 1000), (C, 50)).distinct()
    assert found == [(A, 4, 1000), (B, 1004, 2000), (C, 4011, 50)]


def test_groups_name_the_bytes_of_the_base_between_what_both_have() -> None:
    base = recipe((A, 100_000), (B, 200_000), (C, 100_000))
    new = recipe((A, 100_000), (D, 200_000), (C, 100_000))
    assert new.groups([1], base) == [(1, [(100_000 - 16_384, 200_000 + 2 * 16_384)])]
    assert new.groups([1]) == [(1, [])]
    assert new.groups([], base) == []


def test_a_number_of_no_chunk_is_refused() -> None:
    with pytest.raises(IndexError, match="no chunk 1"):
        recipe((A, 1000)).groups([1])
