from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lamella.errors import NotFound, StoreError
from lamella.index import Actions, Index
from lamella.model import Digest
from lamella.store import BUFFER_SIZE, LocalStore, ReindexReport, reindex
from tests.suites.blob_store import content, get, listed, put

if TYPE_CHECKING:
    from pathlib import Path

SMALL = [content(10, seed) for seed in range(5)]
LARGE = [content(10_000, seed) for seed in range(5)] + [content(BUFFER_SIZE + 1)]


@pytest.fixture
async def filled(folder: Path) -> Path:
    async with LocalStore(folder) as store:
        for blob in SMALL + LARGE:
            await put(store, blob)
        await Actions(store.index, store.blobs).put("default/default@main", Digest.of(b"action"), b"result", [])
    return folder


def blob_file(folder: Path, data: bytes) -> Path:
    digest = Digest.of(data)
    return folder / "blobs" / "sha256" / digest.hex[:2] / digest.hex


async def readable(folder: Path) -> set[bytes]:
    async with LocalStore(folder) as store:
        return {await get(store, digest) for digest, _ in await listed(store)}


async def test_a_sound_store_stays_as_it_is(filled: Path) -> None:
    seen: list[int] = []
    report = reindex(filled, lambda report: seen.append(report.files))
    size = sum(map(len, LARGE))
    assert report == ReindexReport(files=len(LARGE), bytes=size, inline=len(SMALL))
    assert seen == sorted(seen)
    assert seen[-1] == len(LARGE)
    assert await readable(filled) == {*SMALL, *LARGE}
    async with LocalStore(filled) as store:
        assert Actions(store.index, store.blobs).get("default/default@main", Digest.of(b"action")) == b"result"


async def test_without_an_index_every_file_is_taken_in_again(filled: Path) -> None:
    shutil.rmtree(filled / "index")
    report = reindex(filled)
    assert (report.adopted, report.index_damage) == (len(LARGE), None)
    assert await readable(filled) == set(LARGE)


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
async def test_a_damaged_index_is_set_aside_and_begun_anew(filled: Path, damage: str) -> None:
    data = filled / "index" / "data.mdb"
    if damage == "cut":
        data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    else:
        data.write_bytes(b"\xff" * data.stat().st_size)
    report = reindex(filled)
    assert report.index_damage is not None
    assert report.adopted == len(LARGE)
    assert await readable(filled) == set(LARGE)
    assert [path.name.split("-")[0] for path in (filled / "quarantine").iterdir()] == ["index"]


async def test_what_is_not_what_its_name_says_is_set_aside(filled: Path) -> None:
    damaged, lost, orphan = LARGE[0], LARGE[1], content(20_000)
    path = blob_file(filled, damaged)
    path.chmod(0o600)
    path.write_bytes(b"?" + damaged[1:])
    blob_file(filled, lost).unlink()
    blob_file(filled, orphan).write_bytes(orphan)
    (path.parent / "README").write_text("not a blob")
    (path.parent / ("f" * 64)).mkdir()
    report = reindex(filled)
    assert (report.quarantined, report.adopted, report.lost) == (3, 1, 2)
    assert await readable(filled) == {*SMALL, *LARGE, orphan} - {damaged, lost}
    names = {path.name.split("-")[0] for path in (filled / "quarantine").iterdir()}
    assert names == {Digest.of(damaged).hex, "README", "f" * 64}


async def test_damaged_bytes_in_the_index_are_forgotten(filled: Path) -> None:
    digest = Digest.of(SMALL[0])
    index = Index(filled / "index")
    index.submit(lambda txn: index.table("inline").put(txn, digest.raw, b"other bytes")).result()
    index.close()
    report = reindex(filled)
    assert (report.lost, report.inline) == (1, len(SMALL) - 1)
    async with LocalStore(filled) as store:
        with pytest.raises(NotFound):
            await get(store, digest)


async def test_a_store_in_use_is_not_reindexed(filled: Path) -> None:
    async with LocalStore(filled):
        with pytest.raises(StoreError, match="in use"):
            reindex(filled)
