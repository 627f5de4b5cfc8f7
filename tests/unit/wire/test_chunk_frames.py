"""Frames of chunks and bitmaps: what goes in comes out, and nothing else is taken for it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.errors import Invalid
from lamella.wire.chunk_frames import MAX_BASE, MAX_GROUP, compress_chunks, decompress_chunks, from_bitmap, to_bitmap
from lamella.wire.zstd import zstd

NOISE = random.Random(1).randbytes(MAX_BASE)


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_a_frame_gives_back_what_it_was_made_of(data: bytes, base: bytes) -> None:
    assert decompress_chunks(compress_chunks(data, base), len(data), base) == data


def test_bytes_of_the_base_cost_nothing_wherever_they_are() -> None:
    base = NOISE[: MAX_BASE // 2]
    data = base[-MAX_GROUP // 2 :] + base[: MAX_GROUP // 2]
    frame = compress_chunks(data, base)
    assert len(frame) < len(data) // 500
    assert decompress_chunks(frame, len(data), base) == data


def test_without_its_base_a_frame_is_refused() -> None:
    data = NOISE[5000:90_000]
    frame = compress_chunks(data, NOISE[:100_000])
    with pytest.raises(Invalid, match="data"):
        decompress_chunks(frame, len(data), b"")


@pytest.mark.parametrize("size", [0, 999, 1001])
def test_a_frame_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(Invalid, match=f"{size} bytes"):
        decompress_chunks(compress_chunks(b"x" * 1000, b""), size, b"")


def test_what_is_no_single_whole_frame_is_refused() -> None:
    frame = compress_chunks(b"x" * 1000, b"")
    for damaged in (b"", frame[:-1], frame + b"x", frame + frame, b"x" + frame):
        with pytest.raises(Invalid):
            decompress_chunks(damaged, 1000, b"")


def test_a_frame_that_needs_a_larger_window_is_refused() -> None:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27}
    compressor = zstd.ZstdCompressor(options=options)
    frame = compressor.compress(b"x" * 1000) + compressor.flush()
    with pytest.raises(Invalid):
        decompress_chunks(frame, 1000, b"")


@given(st.integers(0, 100).flatmap(lambda count: st.tuples(st.just(count), st.sets(st.integers(0, max(count - 1, 0))))))
def test_a_bitmap_gives_back_its_set(case: tuple[int, set[int]]) -> None:
    count, numbers = case
    numbers = numbers if count else set()
    assert from_bitmap(to_bitmap(numbers, count), count) == sorted(numbers)


@pytest.mark.parametrize(("bits", "count"), [(b"", 1), (b"\0\0", 8), (b"\x80", 7), (b"\0\x02", 9)])
def test_a_bitmap_for_other_chunks_is_refused(bits: bytes, count: int) -> None:
    with pytest.raises(Invalid, match="missing"):
        from_bitmap(bits, count)
