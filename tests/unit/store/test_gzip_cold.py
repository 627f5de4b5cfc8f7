"""Gzip layers that turn cold: their content is kept, and their exact bytes are made again."""

from __future__ import annotations

import asyncio
import io
import random
import struct
import tarfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from lamella._core import RecipeError, Reencoder
from lamella.store.reencode import reencode
from tests.foreign_gzip import foreign_gzip
from tests.suites.blob_store import get, put
from tests.unit.store.layers import assert_shared

if TYPE_CHECKING:
    from lamella._core import Recipe
    from lamella.store.local import LocalStore


def tar(seed: int) -> bytes:
    """Return a tar of files, all but one of which are the same for every seed."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for number in range(40):
            content = random.Random(seed if number == 7 else number).randbytes(20_000).hex()
            member = tarfile.TarInfo(f"usr/share/file{number}")
            member.size, member.mtime = len(content), seed
            archive.addfile(member, io.BytesIO(content.encode()))
    return output.getvalue()


YEAR_ONE = struct.pack("<I", -62_135_596_800 % (1 << 32))
"""The seconds from 1970 to the year 1, in so far as a gzip header takes them: what pgzip writes for no time."""

ENCODERS = {
    "go-1.26": (struct.pack(">b", 6), bytes(4)),
    "pgzip-klauspost-1.18": (struct.pack(">bI", 5, 1 << 20), YEAR_ONE),
    "zlib-1.3": (struct.pack(">bB", 6, 8), bytes(4)),
}
"""What comes first in the parameters of those that builders use, at their default levels, and the time they write."""


def compressed(content: bytes, encoder: str) -> bytes:
    """Return the gzip file that an encoder makes."""
    settings, time = ENCODERS[encoder]
    header = b"\x1f\x8b\x08\0" + time + b"\0\xff"
    member = struct.pack(">H", len(header)) + header + struct.pack(">Q", len(content))
    reencoder = Reencoder(encoder, settings + member)
    return reencoder.write(content) + reencoder.finish()


@pytest.mark.parametrize("encoder", ENCODERS)
async def test_releases_of_a_gzip_layer_share_their_files(store: LocalStore, encoder: str) -> None:
    layers = [compressed(tar(seed), encoder) for seed in (1, 2)]
    await assert_shared(store, layers)


async def test_a_gzip_layer_of_another_encoder_stays_whole(store: LocalStore) -> None:
    digest = await put(store, foreign_gzip(tar(1)))
    outcome = await asyncio.to_thread(store.compactor.compact, digest)
    assert outcome is not None
    assert outcome.kept == "compressed with gzip, by an encoder that is not known"
    assert store.whole.get(digest) == outcome.kept


async def test_a_damaged_gzip_layer_stays_whole(store: LocalStore) -> None:
    layer = bytearray(compressed(tar(1), "go-1.26"))
    layer[len(layer) // 2] ^= 1
    digest = await put(store, bytes(layer))
    outcome = await asyncio.to_thread(store.compactor.compact, digest)
    assert outcome is not None
    assert outcome.kept
    assert await get(store, digest) == layer


@pytest.mark.parametrize("extra", [1, 100_000])
def test_content_that_is_not_of_the_blob_is_noticed(extra: int) -> None:
    """Nobody else would look at its digest, which names a blob, too."""
    whole = compressed(bytes(5000), "go-1.26")
    settings, member = b"\x06", struct.pack(">H", 10) + whole[:10]
    parameters = settings + member + struct.pack(">Q", 5000) + member + struct.pack(">Q", extra)
    recipe = cast("Recipe", SimpleNamespace(transform="go-1.26", parameters=parameters, size=len(whole)))
    assert b"".join(reencode(recipe, [bytes(5000 + extra)], 0, len(whole) - 1)) == whole[:-1]
    with pytest.raises(RecipeError, match="more than"):
        for _ in reencode(recipe, [bytes(5000), bytes(extra)]):
            pass
