from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from lamella.errors import Corrupted, NotFound
from lamella.model import Digest
from lamella.store import BUFFER_SIZE, CoalescingStore, LocalStore, MemoryStore, VerifyingStore
from tests.suites.blob_store import content, get, put
from tests.unit.store.layers import blob_file

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.store import BlobStore


async def damage(store: LocalStore, folder: Path, data: bytes) -> Digest:
    digest = await put(store, data)
    path = blob_file(folder, digest)
    path.chmod(0o600)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    return digest


@pytest.mark.parametrize("size", [10_000, BUFFER_SIZE, 3 * BUFFER_SIZE + 1])
async def test_a_damaged_blob_never_leaves_whole(store: LocalStore, folder: Path, size: int) -> None:
    data = content(size)
    digest = await damage(store, folder, data)
    received = bytearray()

    async def receive() -> None:
        async with aclosing(VerifyingStore(store, store.quarantine).open(digest)) as buffers:
            async for buffer in buffers:
                received.extend(memoryview(buffer))

    with pytest.raises(Corrupted) as caught:
        await receive()
    assert caught.value.digest == digest
    assert len(received) < size
    assert data.startswith(received)
    assert await store.missing([digest]) == {digest}
    assert [path.name for path in (folder / "quarantine").iterdir()] == [digest.hex]


async def test_a_part_of_a_blob_is_passed_on_unchecked(store: LocalStore, folder: Path) -> None:
    data = content(10_000)
    digest = await damage(store, folder, data)
    verifying = VerifyingStore(store, store.quarantine)
    assert await get(verifying, digest, 0, 9_999) == data[:-1]
    with pytest.raises(Corrupted):
        await get(verifying, digest, 0, 10_000)
    with pytest.raises(NotFound):
        await get(verifying, digest)


async def test_a_damaged_blob_among_many_is_named_and_taken_out(store: LocalStore, folder: Path) -> None:
    good, bad = await put(store, content(10_000)), await damage(store, folder, content(10_000, 1))
    found = await VerifyingStore(store, store.quarantine).read_many([good, bad])
    assert found[good] == content(10_000)
    assert isinstance(found[bad], Corrupted)
    assert await store.missing([good, bad]) == {bad}


async def step() -> None:
    """Let every other task run as far as it gets."""
    for _ in range(20):
        await asyncio.sleep(0)


async def upload(store: BlobStore, data: bytes, gate: asyncio.Event, sizes: list[int]) -> Digest:
    """Upload ``data`` in two halves, the second once the gate opens; note how much was written by then."""
    async with store.writer(Digest.of(data)) as writer:
        await writer.write(data[: len(data) // 2])
        sizes.append(writer.size)
        await gate.wait()
        await writer.write(data[len(data) // 2 :])
        return await writer.commit()


async def test_the_others_wait_for_the_first_and_write_nothing() -> None:
    inner, data, sizes = MemoryStore(), content(1000), list[int]()
    store, gate = CoalescingStore(inner), asyncio.Event()
    uploads = [asyncio.create_task(upload(store, data, gate, sizes)) for _ in range(5)]
    await step()
    assert sizes == [500]
    gate.set()
    assert await asyncio.gather(*uploads) == [Digest.of(data)] * 5
    assert await get(inner, Digest.of(data)) == data
    assert store._leaders == {}


async def test_another_takes_over_from_one_that_gives_up() -> None:
    inner, data, sizes = MemoryStore(), content(1000), list[int]()
    store, gate = CoalescingStore(inner), asyncio.Event()
    uploads = [asyncio.create_task(upload(store, data, gate, sizes)) for _ in range(3)]
    await step()
    uploads[0].cancel()
    await step()
    assert sizes == [500, 500]
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await uploads[0]
    assert await asyncio.gather(*uploads[1:]) == [Digest.of(data)] * 2
    assert await get(inner, Digest.of(data)) == data


async def test_nobody_waits_for_one_that_stands_still() -> None:
    inner, data, sizes = MemoryStore(), content(1000), list[int]()
    store, never, now = CoalescingStore(inner, patience=0.01), asyncio.Event(), asyncio.Event()
    now.set()
    stalled = asyncio.create_task(upload(store, data, never, sizes))
    await step()
    assert await upload(store, data, now, sizes) == Digest.of(data)
    assert await get(inner, Digest.of(data)) == data
    never.set()
    assert await stalled == Digest.of(data)


async def test_nobody_waits_for_one_that_hardly_moves() -> None:
    """Otherwise a single client on a slow line, or one that means harm, holds up all who have the same blob."""
    inner, data, sizes = MemoryStore(), content(1000), list[int]()
    store, now = CoalescingStore(inner, patience=0.02), asyncio.Event()
    now.set()

    async def trickle() -> None:
        async with store.writer(Digest.of(data)) as writer:
            for place in range(len(data)):
                await writer.write(data[place : place + 1])
                await asyncio.sleep(0.01)

    slow = asyncio.create_task(trickle())
    await step()
    assert await upload(store, data, now, sizes) == Digest.of(data)
    assert not slow.done()
    slow.cancel()
    await asyncio.wait([slow])


async def test_one_that_waited_learns_if_the_blob_is_gone_again() -> None:
    inner, data, sizes = MemoryStore(), content(1000), list[int]()
    store, first, second = CoalescingStore(inner), asyncio.Event(), asyncio.Event()
    leader = asyncio.create_task(upload(store, data, first, sizes))
    follower = asyncio.create_task(upload(store, data, second, sizes))
    await step()
    first.set()
    await leader
    await step()
    await inner.delete(Digest.of(data))
    second.set()
    with pytest.raises(NotFound):
        await follower
