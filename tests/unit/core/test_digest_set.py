from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import DigestSet

numbers = st.lists(st.integers(0, 30))


def digests(numbers: list[int]) -> bytes:
    return b"".join(hashlib.sha256(b"%d" % number).digest() for number in numbers)


@given(st.lists(numbers), numbers)
def test_it_is_a_set(additions: list[list[int]], asked: list[int]) -> None:
    marked, expected = DigestSet(), set[int]()
    for addition in additions:
        new = [number for number in dict.fromkeys(addition) if number not in expected]
        assert marked.add(digests(addition)) == digests(new)
        expected.update(new)
    assert len(marked) == len(expected)
    assert marked.absent(digests(asked)) == digests([number for number in asked if number not in expected])


def test_a_digest_that_is_cut_short_is_refused() -> None:
    for method in (DigestSet().add, DigestSet().absent):
        with pytest.raises(ValueError, match="32 bytes"):
            method(bytes(33))
