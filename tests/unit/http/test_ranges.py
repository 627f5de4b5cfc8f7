from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.server.http.errors import RangeNotSatisfiable
from lamella.server.http.ranges import requested_range

SMALL = st.integers(0, 12)


@given(st.none() | SMALL, st.none() | SMALL, SMALL)
def test_a_range_holds_the_bytes_that_the_rfc_says(first: int | None, last: int | None, size: int) -> None:
    """RFC 9110, 14.1.2: first and last byte, both included; without a first, the last so many bytes."""
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    data = range(size)
    end = None if last is None else last + 1
    expected = data[size - min(last or 0, size) :] if first is None else data[first:end]
    if text == "bytes=-":
        assert requested_range({"Range": text}, '"etag"', size) is None
    elif expected:
        assert requested_range({"Range": text}, '"etag"', size) == expected
    else:
        with pytest.raises(RangeNotSatisfiable):
            requested_range({"Range": text}, '"etag"', size)


@given(st.text(max_size=20))
def test_any_text_is_a_range_or_ignored(text: str) -> None:
    assert requested_range({"Range": text}, '"etag"', 10) in (
        None,
        *(range(a, b) for a in range(10) for b in range(11)),
    )
