from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from lamella.errors import Corrupted, NotFound
from lamella.index import PackTable, Place, Usage, UsageTable
from lamella.model import Digest
from lamella.store import BUFFER_SIZE, LocalStore
from lamella.store.cold_writer import CannotTurnCold
from lamella.store.compactor import LEAST_SIZE
from tests.foreign_gzip import foreign_gzip
from tests.suites.blob_store import content, get, put
from tests.unit.store.layers import blob_file, flip, layer, place_of, put_cold, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

LAYER = layer()


def recipe_file(folder: Path, digest: Digest) -> Path:
    return folder / "recipes" / "sha256" / digest.hex[:2] / digest.hex


def packs(folder: Path) -> list[Path]:
    return sorted((folder / "packs").iterdir())


async def test_a_cold_layer_is_what_it_was(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, LAYER)
    assert place_of(store, digest) is Place.RECIPE
    assert not blob_file(folder, digest).exists()
    assert await get(store, digest) == LAYER
    assert (await store.stat(digest)).size == len(LAYER)
    assert await store.missing([digest]) == set()
    assert await store.descriptor(digest) is None
    async with store.file(digest) as path:
        assert path.read_bytes() == LAYER
    assert list((folder / "temporary").iterdir()) == []


@pytest.mark.parametrize("offset", [0, 1, 511, 70_000, len(LAYER) - 1, len(LAYER)])
@pytest.mark.parametrize("length", [0, 1, 300_000, len(LAYER), None])
async def test_any_part_of_a_cold_layer_is_read(store: LocalStore, offset: int, length: int | None) -> None:
    digest = await put_cold(store, LAYER)
    end = None if length is None else offset + length
    assert await get(store, digest, offset, length) == LAYER[offset:end]


@pytest.mark.parametrize("data", [text(1, LEAST_SIZE), text(2, 3 * BUFFER_SIZE + 7), LAYER[:-700], LAYER + b"rest"])
async def test_bytes_that_are_no_layer_turn_cold_too(store: LocalStore, data: bytes) -> None:
    assert await get(store, await put_cold(store, data)) == data


async def test_the_next_release_takes_little_more(store: LocalStore, folder: Path) -> None:
    first = await put(store, LAYER)
    second = await put(store, layer(1))
    alone = store.compactor.compact(first)
    more = store.compactor.compact(second)
    assert alone is not None
    assert more is not None
    assert more.stored < alone.stored / 3
    usage = UsageTable(store.index).all()
    recipes = sum(recipe_file(folder, digest).stat().st_size for digest in (first, second))
    assert usage[Place.FILE] == Usage()
    assert usage[Place.RECIPE] == Usage(2, len(LAYER) + len(layer(1)), recipes)
    on_disk = sum(path.stat().st_size for path in packs(folder))
    assert usage[Place.PACKED].stored <= on_disk == alone.stored + more.stored - recipes
    assert await get(store, second) == layer(1)
    assert await get(store, first) == LAYER


@pytest.mark.parametrize(
    ("data", "reason"),
    [(content(BUFFER_SIZE), "less room"), (foreign_gzip(LAYER), "gzip"), (text(1, LEAST_SIZE - 1), "small")],
)
async def test_what_would_not_take_less_stays_whole_and_is_not_tried_again(
    store: LocalStore, folder: Path, data: bytes, reason: str
) -> None:
    digest = await put(store, data)
    outcome = store.compactor.compact(digest)
    assert outcome is not None
    assert reason in (outcome.kept or "")
    assert store.whole.get(digest) == outcome.kept
    assert packs(folder) == []
    assert blob_file(folder, digest).read_bytes() == data
    await store.delete(digest)
    assert store.whole.get(digest) is None


async def test_what_is_not_hot_is_left_alone(store: LocalStore) -> None:
    digest = await put_cold(store, LAYER)
    assert store.compactor.compact(digest) is None
    assert store.compactor.compact(Digest.of(b"absent")) is None
    assert store.compactor.compact(await put(store, b"in the index")) is None


async def test_an_upload_of_a_cold_blob_leaves_it_cold(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, LAYER)
    assert await put(store, LAYER) == digest
    assert place_of(store, digest) is Place.RECIPE
    assert not blob_file(folder, digest).exists()


async def test_a_hot_blob_that_is_damaged_does_not_turn_cold(store: LocalStore, folder: Path) -> None:
    digest = await put(store, LAYER)
    flip(blob_file(folder, digest), 5000)
    with pytest.raises(CannotTurnCold, match=str(digest)):
        store.compactor.compact(digest)
    assert place_of(store, digest) is None
    assert [path.name for path in (folder / "quarantine").iterdir()] == [digest.hex]


async def test_work_that_is_stopped_leaves_the_blob_hot_and_is_taken_up_again(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamella.store.compactor.BATCH_BYTES", 100_000)
    monkeypatch.setattr("lamella.store.new_chunks.PACK_SIZE", 50_000)
    digest = await put(store, LAYER)
    steps = 0

    def stop(_: int) -> None:
        nonlocal steps
        steps += 1
        if steps == 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        store.compactor.compact(digest, stop)
    assert place_of(store, digest) is Place.FILE
    done = len(packs(folder))
    assert done > 0
    outcome = store.compactor.compact(digest)
    assert outcome is not None
    assert outcome.kept is None
    assert outcome.stored < len(LAYER) * 0.9
    assert await get(store, digest) == LAYER
    assert PackTable(store.index).page(None, 100)[0].blobs > 0


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6])
async def test_a_damaged_chunk_is_noticed_and_can_come_back(store: LocalStore, folder: Path, place: float) -> None:
    digest = await put_cold(store, LAYER)
    [pack] = packs(folder)
    flip(pack, int(pack.stat().st_size * place))
    received = bytearray()

    async def receive() -> None:
        async with aclosing(store.open(digest)) as buffers:
            async for buffer in buffers:
                received.extend(memoryview(buffer))

    with pytest.raises(Corrupted, match=str(digest)):
        await receive()
    assert LAYER.startswith(received)
    assert await store.missing([digest]) == {digest}
    assert store.quarantined >= 2
    assert [path.name for path in (folder / "quarantine").iterdir()] == [f"{digest.hex}.recipe"]
    await put_cold(store, LAYER)
    assert await get(store, digest) == LAYER


async def test_damage_that_was_seen_elsewhere_takes_nothing(store: LocalStore, folder: Path) -> None:
    digest = await put(store, layer())
    seen = store.blobs.get(digest)
    assert seen is not None
    store.compactor.compact(digest)
    store._remover.condemn(seen, ValueError("its bytes end early"))
    assert await get(store, digest) == layer()
    assert list((folder / "quarantine").iterdir()) == []


async def test_a_damaged_recipe_is_noticed(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, LAYER)
    flip(recipe_file(folder, digest), 200)
    with pytest.raises(Corrupted, match=str(digest)):
        await get(store, digest)
    assert await store.missing([digest]) == {digest}
    await put_cold(store, LAYER)
    assert await get(store, digest) == LAYER


async def test_a_lost_recipe_is_noticed(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, LAYER)
    recipe_file(folder, digest).unlink()
    with pytest.raises(NotFound):
        await get(store, digest)
    assert await store.missing([digest]) == {digest}


async def borrow(store: LocalStore, digest: Digest) -> bytes:
    async with store.file(digest) as path:
        return path.read_bytes()


@pytest.mark.parametrize("read", [get, borrow])
async def test_a_lost_pack_is_noticed(
    store: LocalStore, folder: Path, read: Callable[[LocalStore, Digest], Awaitable[bytes]]
) -> None:
    digest = await put_cold(store, LAYER)
    packs(folder)[0].unlink()
    with pytest.raises(Corrupted, match="lost"):
        await read(store, digest)
    assert await store.missing([digest]) == {digest}


async def test_a_reader_keeps_the_recipe_of_a_cold_blob_that_is_deleted(store: LocalStore, folder: Path) -> None:
    data = layer(files=60)
    digest = await put_cold(store, data)
    async with aclosing(store.open(digest)) as buffers:
        parts = [bytes(await anext(buffers))]
        assert await store.delete(digest)
        assert list(store.leftovers.read_recipes()) == [digest]
        assert store.leftovers.remove().files == 0
        parts += [bytes(buffer) async for buffer in buffers]
    assert b"".join(parts) == data
    assert list(store.leftovers.read_recipes()) == []
    assert store.leftovers.remove().files == 1
    assert not recipe_file(folder, digest).exists()


async def test_a_cold_blob_that_is_deleted_is_gone_with_its_recipe(store: LocalStore, folder: Path) -> None:
    digest = await put_cold(store, LAYER)
    assert await store.delete(digest)
    assert not recipe_file(folder, digest).exists()
    with pytest.raises(NotFound):
        await get(store, digest)


async def test_files_that_nothing_refers_to_are_removed_and_no_others(store: LocalStore, folder: Path) -> None:
    cold = await put_cold(store, LAYER)
    hot = await put(store, content(BUFFER_SIZE))
    blob_file(folder, cold).write_bytes(LAYER)
    unknown = Digest.of(b"unknown")
    blob_file(folder, unknown).write_bytes(b"bytes")
    recipe_file(folder, hot).parent.mkdir(exist_ok=True)
    recipe_file(folder, hot).write_bytes(recipe_file(folder, cold).read_bytes())
    pack = folder / "packs" / f"{5:016x}.pack"
    pack.write_bytes(b"pack")
    assert store.leftovers.remove().files == 3
    assert pack.exists()
    assert store.leftovers.remove(pack_age=-1).files == 1
    assert await get(store, cold) == LAYER
    assert await get(store, hot) == content(BUFFER_SIZE)
