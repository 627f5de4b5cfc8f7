"""Which encoder made a gzip file, and the file made again of its content."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import Reencoder, find_encoder
from tests.foreign_gzip import foreign_gzip

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[2] / "data"
FLUSHED = 1 << 15
EFFORTS = {1: 4, 9: 2}
"""What Go's encoders write into a header for these levels; 0 for the others."""

YEAR_ONE = b"\0\x09\x6e\x88"
"""The time that pgzip writes where it is given none."""

stock_zlib = pytest.mark.skipif("ng" in zlib.ZLIB_RUNTIME_VERSION, reason="Python has zlib-ng, which writes otherwise")


def header(level: int = 6, time: bytes = bytes(4)) -> bytes:
    return b"\x1f\x8b\x08\0" + time + bytes([EFFORTS.get(level, 0), 255])


def go(level: int, *members: tuple[bytes, int], flushed: bool = False) -> tuple[str, bytes]:
    """Return name and parameters of Go's encoder for members of such headers and sizes."""
    flag = FLUSHED if flushed else 0
    fields = [struct.pack(">H", len(head) | flag) + head + struct.pack(">Q", size) for head, size in members]
    return "go-1.26", struct.pack(">b", level) + b"".join(fields)


def pgzip(size: int, version: str = "1.18", level: int = 5, block: int = 1 << 20) -> tuple[str, bytes]:
    member = struct.pack(">bIH", level, block, 10) + header(level, YEAR_ONE) + struct.pack(">Q", size)
    return f"pgzip-klauspost-{version}", member


def zlib_file(content: bytes, level: int, memory: int, flush_at: int = 0) -> bytes:
    """Return a gzip file as zlib itself writes it."""
    encoder = zlib.compressobj(level, zlib.DEFLATED, 31, memory)
    flushed = encoder.compress(content[:flush_at]) + encoder.flush(zlib.Z_SYNC_FLUSH) if flush_at else b""
    return flushed + encoder.compress(content[flush_at:]) + encoder.flush()


def encode(encoder: tuple[str, bytes], content: bytes, step: int = 1 << 16) -> bytes:
    reencoder = Reencoder(*encoder)
    pieces = [reencoder.write(content[start : start + step]) for start in range(0, len(content), step)]
    return b"".join(pieces) + reencoder.finish()


def words(size: int) -> bytes:
    """Return content that compresses about as well as a layer."""
    source = random.Random(7)
    vocabulary = [bytes(source.choices(b"etaoin shrdlu", k=source.randrange(2, 12))) for _ in range(500)]
    return b"".join(source.choices(vocabulary, k=size // 2 + 1))[:size]


def test_a_layer_made_by_go_is_made_again() -> None:
    path = DATA / "go-layer.tar.gz"
    found = find_encoder(path)
    content = gzip.decompress(path.read_bytes())
    assert found == go(6, (header(), len(content)))
    for step in (1, 511, 1 << 20):
        assert encode(found, content, step) == path.read_bytes()


@pytest.mark.parametrize("level", [-2, *range(10)])
def test_each_level_of_go_is_told(level: int, tmp_path: Path) -> None:
    content = words(400_000)
    file = encode(go(level, (header(level), len(content))), content)
    assert gzip.decompress(file) == content
    (tmp_path / "layer").write_bytes(file)
    found = find_encoder(tmp_path / "layer")
    # Where two levels write the same, it does not matter which is found.
    assert found is not None
    assert encode(found, content) == file


@pytest.mark.parametrize("level", [-2, *range(10)])
@pytest.mark.parametrize("size", [0, 1, 5, 100, 60_000])
def test_a_flush_at_the_end_is_told(level: int, size: int, tmp_path: Path) -> None:
    """As eStargz ends some of its members."""
    content = words(size)
    members = [(header(level), size), (b"", 0)]
    file = encode(go(level, *members, flushed=True), content)
    assert file.count(b"\0\0\xff\xff\1\0\0\xff\xff") == 2
    assert gzip.decompress(file) == content
    (tmp_path / "layer").write_bytes(file)
    found = find_encoder(tmp_path / "layer")
    assert found is not None
    assert encode(found, content) == file


@pytest.mark.parametrize("version", ["1.15", "1.18"])
@pytest.mark.parametrize("level", [1, 2, 3, 5, 6])
def test_pgzip_is_told(version: str, level: int, tmp_path: Path) -> None:
    content = words(1_500_000)
    encoder = pgzip(len(content), version, level)
    (tmp_path / "layer").write_bytes(encode(encoder, content))
    assert gzip.decompress((tmp_path / "layer").read_bytes()) == content
    assert find_encoder(tmp_path / "layer") == encoder


@stock_zlib
@pytest.mark.parametrize("level", range(1, 10))
@pytest.mark.parametrize("memory", [8, 9])
def test_zlib_is_told(level: int, memory: int, tmp_path: Path) -> None:
    content = words(600_000)
    file = zlib_file(content, level, memory)
    (tmp_path / "layer").write_bytes(file)
    found = find_encoder(tmp_path / "layer")
    # Where two levels write the same, it does not matter which is found.
    assert found is not None
    member = struct.pack(">BH", memory, 10) + file[:10] + struct.pack(">Q", len(content))
    assert (found[0], found[1][1:]) == ("zlib-1.3", member)
    for step in (511, 1 << 20):
        assert encode(found, content, step) == file


@pytest.mark.parametrize("level", range(1, 10))
def test_pigz_is_told(level: int, tmp_path: Path) -> None:
    content = words(400_000)
    head = header(level)[:-1] + b"\3"
    member = struct.pack(">bH", level, len(head)) + head + struct.pack(">Q", len(content))
    file = encode(("pigz-zlib-1.3", member), content)
    assert gzip.decompress(file) == content
    # Its blocks end at bytes, after blocks without content.
    assert file != encode(("zlib-1.3", member[:1] + b"\x08" + member[1:]), content)
    (tmp_path / "layer").write_bytes(file)
    found = find_encoder(tmp_path / "layer")
    assert found is not None
    assert found[0] == "pigz-zlib-1.3"
    assert encode(found, content) == file


@stock_zlib
@pytest.mark.parametrize("mode", ["w:gz", "w|gz"])
def test_what_python_compresses_is_made_again(mode: Literal["w:gz", "w|gz"], tmp_path: Path) -> None:
    path = tmp_path / "layer.tar.gz"
    with tarfile.open(str(path), mode) as archive:
        member = tarfile.TarInfo("usr/share/words")
        member.size = 300_000
        archive.addfile(member, io.BytesIO(words(300_000)))
    found = find_encoder(path)
    assert found is not None
    assert found[0] == "zlib-1.3"
    assert encode(found, gzip.decompress(path.read_bytes())) == path.read_bytes()


@stock_zlib
def test_a_header_need_not_tell_the_level_of_zlib(tmp_path: Path) -> None:
    """As Java's does not."""
    content = words(300_000)
    file = header() + zlib_file(content, 2, 8)[10:]
    (tmp_path / "layer").write_bytes(file)
    found = find_encoder(tmp_path / "layer")
    assert found is not None
    assert encode(found, content) == file


def test_an_encoder_that_fits_at_first_is_not_taken(tmp_path: Path) -> None:
    """Every level stores what is random, and so all of them begin in the same way."""
    content = random.Random(1).randbytes(2_000_000) + words(400_000)
    encoder = go(4, (header(), len(content)))
    (tmp_path / "layer").write_bytes(encode(encoder, content))
    assert find_encoder(tmp_path / "layer") == encoder


def test_many_members_keep_their_headers(tmp_path: Path) -> None:
    named = bytes([*header(9)[:3], 8, *header(9)[4:]]) + b"name\0"
    # The last one as eStargz ends its layers: without content, and of another level.
    other = bytes([*header()[:3], 4, *header()[4:]]) + b"\x02\0ab"
    members = [(header(9), 50_000), (header(9), 0), (named, 1), (named, 300_000), (other, 0)]
    content = words(350_001)
    file = encode(go(9, *members), content)
    assert gzip.decompress(file) == content
    (tmp_path / "layer").write_bytes(file)
    found = find_encoder(tmp_path / "layer")
    assert found is not None
    # A header like the one before takes no room.
    assert found[1] == go(9, members[0], (b"", 0), members[2], (b"", 300_000), members[4])[1]
    assert encode(found, content) == file


def test_what_no_known_encoder_made_is_told(tmp_path: Path) -> None:
    content = words(100_000)
    made = encode(go(6, (header(), len(content))), content)
    foreign = {
        "little memory": foreign_gzip(content),
        "flushed": zlib_file(content, 6, 8, flush_at=50_000),
        "plain": content,
        "empty": b"",
        "cut": made[:-1],
        "cut within": made[:20_000],
        "more": made + b"\0",
        "damaged": made[:5000] + bytes([made[5000] ^ 1]) + made[5001:],
        "checksum": made[:-8] + bytes([made[-8] ^ 1]) + made[-7:],
        # Of a level, and of a library, that did not write the rest.
        "effort": made[:8] + b"\4" + made[9:],
        "time": made[:4] + YEAR_ONE + made[8:],
    }
    for name, file in foreign.items():
        (tmp_path / "layer").write_bytes(file)
        assert find_encoder(tmp_path / "layer") is None, name
    with pytest.raises(FileNotFoundError):
        find_encoder(tmp_path / "missing")


def test_content_must_be_as_long_as_the_parameters_say() -> None:
    encoder = go(6, (header(), 5), (header(), 3))
    with pytest.raises(ValueError, match="the content has 7 bytes, not 8"):
        encode(encoder, b"content")
    reencoder = Reencoder(*encoder)
    with pytest.raises(ValueError, match="the content has 9 bytes, not 8"):
        reencoder.write(b"content..")
    calls: list[Callable[[], bytes]] = [lambda: reencoder.write(b""), reencoder.finish]
    for call in calls:
        with pytest.raises(ValueError, match="finished"):
            call()


def test_parameters_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match='the encoder "zip" is not known'):
        Reencoder("zip", b"")
    with pytest.raises(ValueError, match=r'"pgzip-klauspost-1\.18" has no such settings'):
        Reencoder(*pgzip(1, block=1))
    with pytest.raises(ValueError, match=r'"go-1\.26", offset 13: they end within a field'):
        Reencoder("go-1.26", go(6, (header(), 1))[1][:-6])


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(-2, 9).filter(lambda level: level != -1))
def test_any_members_can_be_read(contents: list[bytes], level: int) -> None:
    members = [(header(level), len(content)) for content in [*contents, b""]]
    file = encode(go(level, *members), b"".join(contents), step=7)
    assert gzip.decompress(file) == b"".join(contents)
