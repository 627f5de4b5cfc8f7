"""Which encoder made a zstd file, and the file made again of its content."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import Reencoder, find_encoder

GOLDEN = Path(__file__).parents[3] / "rust" / "core" / "tests" / "klauspost_zstd"
ENCODER = "zstd-klauspost-1.17.8"
DEFAULT, FASTEST, BEST = 2, 1, 4
"""The levels, as the library numbers them."""

FRAME, FLUSH, FILE = 0, 2, 3
"""What a section ends with."""

HEADERS = {
    DEFAULT: b"\x28\xb5\x2f\xfd\x00\x68",
    FASTEST: b"\x28\xb5\x2f\xfd\x00\x60",
    BEST: b"\x28\xb5\x2f\xfd\x00\x68",
}
"""Headers of frames of more than a block, without a checksum."""

SKIPPABLE = b"\x50\x2a\x4d\x18\x03\0\0\0abc"


def section(end: int, start: bytes, size: int) -> bytes:
    return struct.pack(">BI", end, len(start)) + start + struct.pack(">Q", size)


def encode(encoder: tuple[str, bytes], content: bytes, step: int = 1 << 16) -> bytes:
    reencoder = Reencoder(*encoder)
    pieces = [reencoder.write(content[start : start + step]) for start in range(0, len(content), step)]
    return b"".join(pieces) + reencoder.finish()


def decode(file: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as reader:
        return reader.read()


def words(size: int) -> bytes:
    """Return content that compresses about as well as a layer."""
    source = random.Random(7)
    vocabulary = [bytes(source.choices(b"etaoin shrdlu", k=source.randrange(2, 12))) for _ in range(500)]
    return b"".join(source.choices(vocabulary, k=size // 2 + 1))[:size]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*.zst")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_the_library_wrote_is_made_again(path: Path) -> None:
    file = path.read_bytes()
    found = find_encoder(path)
    assert found is not None
    for step in (511, 1 << 20):
        assert encode(found, decode(file), step) == file


@pytest.mark.parametrize("level", HEADERS)
def test_the_parameters_are_those_of_the_file(level: int, tmp_path: Path) -> None:
    """Frames, one flushed after eight bytes, as ``containers/image`` does, and skippable frames around them."""
    content = words(1_000_000)
    first = section(FLUSH, SKIPPABLE + HEADERS[level], 8) + section(FRAME, b"", 499_992)
    second = section(FRAME, SKIPPABLE + SKIPPABLE + HEADERS[level], 500_000)
    encoder = ENCODER, bytes([level]) + first + second + section(FILE, SKIPPABLE, 0)
    file = encode(encoder, content)
    assert decode(file) == content
    (tmp_path / "layer").write_bytes(file)
    assert find_encoder(tmp_path / "layer") == encoder


@pytest.mark.parametrize("sizes", [(131_072,), (131_072, 0), (5, 0), (0, 5), (131_067, 5, 3, 0)])
def test_a_flush_may_be_anywhere(sizes: tuple[int, ...], tmp_path: Path) -> None:
    sections = [section(FLUSH, b"", size) for size in sizes]
    sections[0] = section(FLUSH, HEADERS[DEFAULT], sizes[0])
    encoder = ENCODER, bytes([DEFAULT, *b"".join(sections), *section(FRAME, b"", 300_000)])
    content = words(sum(sizes) + 300_000)
    file = encode(encoder, content)
    assert decode(file) == content
    (tmp_path / "layer").write_bytes(file)
    found = find_encoder(tmp_path / "layer")
    assert found is not None
    assert encode(found, content) == file


def test_files_of_zstd_itself_are_no_known_encoders(tmp_path: Path) -> None:
    content = words(300_000)
    for level in (1, 3, 19):
        for has_size in (False, True):
            compressor = zstandard.ZstdCompressor(level=level, write_content_size=has_size, write_checksum=True)
            (tmp_path / "layer").write_bytes(compressor.compress(content))
            assert find_encoder(tmp_path / "layer") is None


def test_a_damaged_or_truncated_file_has_no_encoder(tmp_path: Path) -> None:
    file = (GOLDEN / "1.18" / "changing.zst").read_bytes()
    damages = [file[:-1], file + b"\0", file[:-1] + bytes([file[-1] ^ 1]), file[:5000] + bytes(4) + file[5004:]]
    for damaged in [*damages, SKIPPABLE, b"\x28\xb5\x2f\xfd"]:
        (tmp_path / "layer").write_bytes(damaged)
        assert find_encoder(tmp_path / "layer") is None


def test_a_version_whose_level_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="has no such"):
        Reencoder("zstd-klauspost-1.17.0", bytes([BEST]) + section(FRAME, HEADERS[BEST], 10))


def test_content_must_be_as_long_as_the_parameters_say() -> None:
    encoder = ENCODER, bytes([DEFAULT]) + section(FRAME, HEADERS[DEFAULT], 10)
    with pytest.raises(ValueError, match="the content has 9 bytes, not 10"):
        encode(encoder, bytes(9))
    with pytest.raises(ValueError, match="the content has 11 bytes, not 10"):
        encode(encoder, bytes(11))


@given(contents=st.lists(st.binary(max_size=300), min_size=1), flushed=st.data())
def test_any_sections_can_be_read(contents: list[bytes], flushed: st.DataObject) -> None:
    sections, start = b"", HEADERS[DEFAULT]
    for content in contents:
        end = flushed.draw(st.sampled_from((FRAME, FLUSH))) if content else FLUSH
        sections += section(end, start, len(content))
        start = HEADERS[DEFAULT] if end == FRAME else b""
    # A frame without content has no blocks.
    content, last = b"".join(contents), b"last"
    file = encode((ENCODER, bytes([DEFAULT]) + sections + section(FRAME, start, len(last))), content + last, step=7)
    assert decode(file) == content + last
