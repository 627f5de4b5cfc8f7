from __future__ import annotations

import asyncio
import errno
from contextlib import aclosing, closing
from typing import TYPE_CHECKING

import pytest

from lamella._core import BlobFile
from lamella.errors import Corrupted, LamellaError, NotFound, ReadOnly, StorageFull
from lamella.index import Place, Usage, UsageTable
from lamella.model import Digest
from lamella.store import LocalStore
from lamella.store import warmer as warmer_module
from lamella.store.limit import HIGH, NoSpareRoom
from lamella.store.protocol import BlobInfo
from lamella.store.recipes import OpenRecipe, Recipes
from tests.suites.blob_store import get, put
from tests.unit.store.layers import blob_file, flip, layer, place_of, put_cold, text
from tests.unit.store.test_cold import packs, recipe_file
from tests.unit.store.test_faults import FailingFile
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = layer()
HELD = layer(files=36)
ZIPPED = compressed(HELD, "go-1.26")


class Interrupted(Exception):
    pass


def interrupt(_: int) -> None:
    raise Interrupted


@pytest.mark.parametrize("data", [PLAIN, ZIPPED, text(1, 300_000)])
async def test_a_warm_blob_is_in_a_file_as_it_was(store: LocalStore, folder: Path, data: bytes) -> None:
    digest = await put_cold(store, data)
    made: list[int] = []
    assert store.warmer.warm(digest, made.append) == len(data)
    assert sum(made) == len(data)
    assert place_of(store, digest) is Place.FILE
    assert blob_file(folder, digest).read_bytes() == await get(store, digest) == data
    assert not recipe_file(folder, digest).exists()
    assert list((folder / "temporary").iterdir()) == []
    totals = UsageTable(store.index).all()
    assert totals[Place.FILE] == Usage(1, len(data), len(data))
    assert totals[Place.RECIPE] == Usage()
    assert store.warmer.warm(digest) is None


async def test_what_a_warm_blob_holds_is_still_there(store: LocalStore) -> None:
    digest, held = await put_cold(store, ZIPPED), Digest.of(HELD)
    assert place_of(store, held) is Place.INFLATED
    store.warmer.warm(digest)
    assert place_of(store, held) is Place.INFLATED
    assert await get(store, held) == HELD
    assert await get(store, held, 1000, 70_000) == HELD[1000:71_000]
    outcome = store.compactor.compact(digest)
    assert outcome is not None
    assert outcome.kept is None
    assert await get(store, held) == HELD
    await store.delete(digest)
    assert await store.missing([held]) == {held}


async def test_a_warm_blob_counts_as_used_now(folder: Path) -> None:
    now = 1_000_000.0
    async with LocalStore(folder, clock=lambda: now) as store:
        digest = await put_cold(store, PLAIN)
        now += 5000
        store.warmer.warm(digest)
        record = store.blobs.get(digest)
        assert record is not None
        assert record.used == now


async def test_only_cold_blobs_become_hot(store: LocalStore, folder: Path) -> None:
    hot, small = await put(store, PLAIN), Digest.of(text(1, 50_000) + text(2, 50_000))
    pieces = [BlobInfo(await put(store, piece), 50_000) for piece in (text(1, 50_000), text(2, 50_000))]
    assert await store.chunk_lists.splice(BlobInfo(small, 100_000), pieces)
    assert place_of(store, small) is Place.RECIPE
    assert store.warmer.warm(hot) is store.warmer.warm(small) is store.warmer.warm(Digest.of(b"nothing")) is None
    assert recipe_file(folder, small).exists()


async def test_a_reader_of_the_recipe_goes_on(store: LocalStore, folder: Path) -> None:
    data = layer(files=60)
    digest = await put_cold(store, data)
    async with aclosing(store.open(digest)) as buffers:
        received = bytes(await anext(buffers))
        assert await asyncio.to_thread(store.warmer.warm, digest) == len(data)
        store.leftovers.remove(pack_age=0)
        assert recipe_file(folder, digest).exists()
        received += b"".join([bytes(buffer) async for buffer in buffers])
    assert received == data
    await asyncio.wrap_future(store._threads.submit(lambda: None))
    store.leftovers.remove(pack_age=0)
    assert not recipe_file(folder, digest).exists()
    assert await get(store, digest) == data


async def test_it_stops_half_way_and_nothing_has_changed(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, PLAIN)
    with pytest.raises(Interrupted):
        store.warmer.warm(digest, interrupt)
    assert place_of(store, digest) is Place.RECIPE
    assert list((folder / "temporary").iterdir()) == []
    assert await get(store, digest) == PLAIN
    assert store.warmer.warm(digest) == len(PLAIN)


@pytest.mark.parametrize("again", [False, True])
async def test_a_blob_that_is_deleted_meanwhile_does_not_come_back(
    store: LocalStore, folder: Path, again: bool
) -> None:
    digest = await put_cold(store, PLAIN)
    deleting = iter([True])

    def delete(_: int) -> None:
        if next(deleting, False):
            asyncio.run_coroutine_threadsafe(store.delete(digest), loop).result()
            if again:
                asyncio.run_coroutine_threadsafe(put(store, PLAIN), loop).result()

    loop = asyncio.get_running_loop()
    assert await asyncio.to_thread(store.warmer.warm, digest, delete) is None
    assert place_of(store, digest) is (Place.FILE if again else None)
    assert blob_file(folder, digest).exists() is again
    store.leftovers.remove(pack_age=0)
    assert not recipe_file(folder, digest).exists()


async def test_of_two_at_once_one_wins(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, ZIPPED)
    outcomes = await asyncio.gather(*(asyncio.to_thread(store.warmer.warm, digest) for _ in range(4)))
    assert sorted(outcomes, key=str) == [len(ZIPPED), None, None, None]
    assert blob_file(folder, digest).read_bytes() == ZIPPED


async def test_a_damaged_copy_that_a_crash_left_is_not_taken(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, PLAIN)
    blob_file(folder, digest).write_bytes(PLAIN[:-1] + b"!")
    store.warmer.warm(digest)
    assert blob_file(folder, digest).read_bytes() == PLAIN


async def test_a_damaged_chunk_is_found(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, ZIPPED)
    flip(packs(folder)[0], 5000)
    with pytest.raises(Corrupted):
        store.warmer.warm(digest)
    with pytest.raises(NotFound):
        await get(store, digest)
    assert not blob_file(folder, digest).exists()
    assert list((folder / "temporary").iterdir()) == []


async def test_a_lost_recipe_is_forgotten(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, PLAIN)
    recipe_file(folder, digest).unlink()
    assert store.warmer.warm(digest) is None
    assert await store.missing([digest]) == {digest}


@pytest.mark.parametrize(("spare", "warm"), [(0, False), (len(PLAIN), True)])
async def test_nothing_has_to_go_for_a_hot_copy(folder: Path, spare: int, warm: bool) -> None:
    async with LocalStore(folder) as store:
        digest = await put_cold(store, PLAIN)
        stored = sum(usage.stored for usage in UsageTable(store.index).all().values())
    # A little more than blobs take, for what packs hold beside them.
    most = int((stored + spare + 20_000) / HIGH)
    async with LocalStore(folder, max_size=most) as store:
        if warm:
            assert store.warmer.warm(digest) == len(PLAIN)
        else:
            with pytest.raises(NoSpareRoom):
                store.warmer.warm(digest)
        assert store.limit is not None
        assert not store.limit.is_high
        assert place_of(store, digest) is (Place.FILE if warm else Place.RECIPE)
        assert await get(store, digest) == PLAIN


@pytest.mark.parametrize(("code", "error"), [(errno.ENOSPC, StorageFull), (errno.EIO, ReadOnly)])
@pytest.mark.parametrize("call", ["write", "sync", "publish"])
async def test_a_disk_that_fails_leaves_the_blob_cold(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[LamellaError], call: str
) -> None:
    digest = await put_cold(store, PLAIN)
    monkeypatch.setattr(warmer_module, "BlobFile", lambda directory: FailingFile(BlobFile(directory), call, code))
    with pytest.raises(error):
        store.warmer.warm(digest)
    assert place_of(store, digest) is Place.RECIPE
    assert not blob_file(folder, digest).exists()
    assert await get(store, digest) == PLAIN


async def test_a_compressed_blob_that_is_hot_is_not_cut_for_who_wants_chunks(store: LocalStore) -> None:
    digest = await put_cold(store, ZIPPED)
    store.warmer.warm(digest)
    with pytest.raises(LamellaError, match="compressed from"):
        await store.chunk_lists.split(digest, 1000)
    with pytest.raises(LamellaError, match="compressed from"):
        await store.chunk_lists.open(digest)
    assert place_of(store, digest) is Place.FILE


async def test_a_recipe_beside_the_file_does_no_harm(store: LocalStore, folder: Path) -> None:
    """A crash before the recipe goes leaves it."""
    digest = await put_cold(store, ZIPPED)
    with closing(store._recipes.open(digest)):
        store.warmer.warm(digest)
    assert recipe_file(folder, digest).exists()
    assert await get(store, digest) == ZIPPED
    assert await get(store, Digest.of(HELD)) == HELD
    outcome = store.compactor.compact(digest)
    assert outcome is not None
    assert outcome.kept is None
    assert await get(store, digest) == ZIPPED


@pytest.mark.parametrize("method", ["split", "open"])
async def test_a_blob_that_becomes_hot_while_its_recipe_is_looked_for_is_cut_again(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    digest = await put_cold(store, PLAIN)
    open_recipe = Recipes.open

    def warm_and_open(recipes: Recipes, wanted: Digest) -> OpenRecipe:
        monkeypatch.undo()
        assert store.warmer.warm(digest) is not None
        return open_recipe(recipes, wanted)

    monkeypatch.setattr(Recipes, "open", warm_and_open)
    if method == "split":
        assert sum(piece.size for piece in await store.chunk_lists.split(digest, 1000)) == len(PLAIN)
    else:
        (await store.chunk_lists.open(digest)).close()
    assert await get(store, digest) == PLAIN
