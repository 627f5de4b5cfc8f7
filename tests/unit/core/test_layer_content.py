"""The uncompressed bytes of layer files, buffer by buffer."""

from __future__ import annotations

import gzip
import hashlib
import random
from typing import TYPE_CHECKING

import pytest

from lamella._core import LayerContent, LayerError, decompress_layer
from lamella.wire.zstd import zstd

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = random.Random(5).randbytes(3_000_000) + bytes(500_000)
HALF = len(CONTENT) // 2
FORMS = {
    "none": CONTENT,
    "gzip": gzip.compress(CONTENT[:HALF], 1) + gzip.compress(CONTENT[HALF:], 1),
    "zstd": zstd.compress(CONTENT[:HALF]) + zstd.compress(CONTENT[HALF:]),
}


def buffers(content: LayerContent) -> list[bytes]:
    return list(iter(content.read, None))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_its_content_and_both_digests(tmp_path: Path, form: str) -> None:
    path = tmp_path / "layer"
    path.write_bytes(FORMS[form])
    content = LayerContent(path)
    assert content.compression == form
    with pytest.raises(ValueError, match="not been read"):
        _ = content.content_digest
    parts = buffers(content)
    assert b"".join(parts) == CONTENT
    assert max(map(len, parts)) <= 1 << 20
    assert content.read() is None
    assert (content.digest, content.size) == (hashlib.sha256(FORMS[form]).digest(), len(FORMS[form]))
    assert (content.content_digest, content.content_size) == (hashlib.sha256(CONTENT).digest(), len(CONTENT))
    assert decompress_layer(path, tmp_path / "tar") == (content.content_digest, content.content_size)


@pytest.mark.parametrize("form", ["gzip", "zstd"])
@pytest.mark.parametrize("size", [5, -1])
def test_a_layer_that_is_cut_short_is_an_error(tmp_path: Path, form: str, size: int) -> None:
    path = tmp_path / "layer"
    path.write_bytes(FORMS[form][:size])
    content = LayerContent(path)
    with pytest.raises(LayerError, match="ends within"):
        buffers(content)
    with pytest.raises(ValueError, match="could not be read"):
        content.read()


def test_a_closed_one_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(FORMS["gzip"])
    content = LayerContent(path)
    assert content.read()
    content.close()
    content.close()
    with pytest.raises(ValueError, match="closed"):
        content.read()
    with pytest.raises(FileNotFoundError):
        LayerContent(tmp_path / "absent")
