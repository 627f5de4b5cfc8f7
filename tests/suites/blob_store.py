"""What every ``BlobStore`` owes its callers; an implementation joins with a fixture ``store``."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from lamella.errors import DigestMismatch, LimitExceeded, NotFound, OutOfRange
from lamella.index import INLINE_MAX
from lamella.model import EMPTY, Digest
from lamella.store import BUFFER_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lamella.store import BlobStore

MAX_BLOB_SIZE = 4 * BUFFER_SIZE

SIZES = (1, INLINE_MAX, INLINE_MAX + 1, BUFFER_SIZE - 1, BUFFER_SIZE, BUFFER_SIZE + 1, 3 * BUFFER_SIZE + 7)


def content(size: int, seed: int = 0) -> bytes:
    return random.Random(f"{size}-{seed}").randbytes(size)


async def put(store: BlobStore, *buffers: bytes, expected: Digest | None = None) -> Digest:
    async with store.writer(expected) as writer:
        for buffer in buffers:
            await writer.write(buffer)
        return await writer.commit()


async def get(store: BlobStore, digest: Digest, offset: int = 0, length: int | None = None) -> bytes:
    async with aclosing(store.open(digest, offset, length)) as buffers:
        parts = [bytes(buffer) async for buffer in buffers]
    assert all(0 < len(part) <= BUFFER_SIZE for part in parts)
    return b"".join(parts)


async def listed(store: BlobStore) -> list[tuple[Digest, int]]:
    return [(info.digest, info.size) async for info in store.walk()]


class BlobStoreSuite:
    """Every test takes the fixture ``store``: an empty one, limited to ``MAX_BLOB_SIZE``."""

    @pytest.mark.parametrize("size", SIZES)
    async def test_what_is_committed_is_read_back(self, store: BlobStore, size: int) -> None:
        data = content(size)
        digest = await put(store, data)
        assert digest == Digest.of(data)
        assert await get(store, digest) == data
        assert (await store.stat(digest)).size == size
        assert await store.missing([digest]) == set()
        assert await listed(store) == [(digest, size)]

    @pytest.mark.parametrize("step", [1000, 70_000, BUFFER_SIZE])
    async def test_a_blob_is_the_sum_of_its_writes(self, store: BlobStore, step: int) -> None:
        data = content(2 * BUFFER_SIZE + 5)
        async with store.writer(Digest.of(data)) as writer:
            for start in range(0, len(data), step):
                await writer.write(memoryview(data)[start : start + step])
                assert writer.size == min(start + step, len(data))
            assert await writer.commit() == Digest.of(data)
        assert await get(store, Digest.of(data)) == data

    @pytest.mark.parametrize("size", [10, 5000, BUFFER_SIZE])
    async def test_a_buffer_is_its_callers_again_after_write(self, store: BlobStore, size: int) -> None:
        data = content(3 * size)
        buffer = bytearray(size)
        async with store.writer() as writer:
            for start in range(0, len(data), size):
                buffer[:] = data[start : start + size]
                await writer.write(buffer)
                buffer[:] = bytes(size)
            assert await writer.commit() == Digest.of(data)

    @pytest.mark.parametrize("size", SIZES)
    async def test_content_is_invisible_until_commit(self, store: BlobStore, size: int) -> None:
        data = content(size)
        digest = Digest.of(data)
        async with store.writer(digest) as writer:
            await writer.write(data)
            assert await store.missing([digest]) == {digest}
            with pytest.raises(NotFound):
                await store.stat(digest)
            with pytest.raises(NotFound):
                await get(store, digest)
            assert await listed(store) == []
            await writer.commit()
            assert await get(store, digest) == data

    @pytest.mark.parametrize("size", SIZES)
    async def test_leaving_without_commit_discards(self, store: BlobStore, size: int) -> None:
        data = content(size)
        async with store.writer() as writer:
            await writer.write(data)

        async def fail() -> None:
            async with store.writer(Digest.of(data)) as writer:
                await writer.write(data)
                raise KeyError

        with pytest.raises(KeyError):
            await fail()
        assert await store.missing([Digest.of(data)]) == {Digest.of(data)}
        assert await listed(store) == []

    async def test_a_cancelled_writer_discards(self, store: BlobStore) -> None:
        data = content(2 * BUFFER_SIZE)
        written = asyncio.Event()

        async def upload() -> None:
            async with store.writer(Digest.of(data)) as writer:
                await writer.write(data)
                written.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(upload())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await listed(store) == []
        assert await put(store, data, expected=Digest.of(data)) == Digest.of(data)

    async def test_a_commit_that_is_cancelled_stores_all_or_nothing(self, store: BlobStore) -> None:
        for attempt in range(10):
            data = content(2 * BUFFER_SIZE, attempt)
            task = asyncio.create_task(put(store, data))
            for _ in range(attempt):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if not await store.missing([Digest.of(data)]):
                assert await get(store, Digest.of(data)) == data

    @pytest.mark.parametrize("size", [10, BUFFER_SIZE + 1])
    async def test_other_bytes_than_announced_store_nothing(self, store: BlobStore, size: int) -> None:
        data, expected = content(size), Digest.of(b"something else")
        with pytest.raises(DigestMismatch) as caught:
            await put(store, data, expected=expected)
        assert (caught.value.expected, caught.value.actual) == (expected, Digest.of(data))
        assert await store.missing([expected, Digest.of(data)]) == {expected, Digest.of(data)}
        assert await listed(store) == []

    @pytest.mark.parametrize("size", [10, BUFFER_SIZE + 1])
    async def test_committing_again_succeeds_and_keeps_one_copy(self, store: BlobStore, size: int) -> None:
        data = content(size)
        for _ in range(3):
            assert await put(store, data) == Digest.of(data)
        assert await listed(store) == [(Digest.of(data), size)]
        assert await get(store, Digest.of(data)) == data

    @pytest.mark.parametrize("size", [10, 2 * BUFFER_SIZE + 1])
    @pytest.mark.parametrize("announced", [False, True])
    async def test_writers_of_one_blob_at_once_keep_one_copy(
        self, store: BlobStore, size: int, announced: bool
    ) -> None:
        data = content(size)
        expected = Digest.of(data) if announced else None
        halves = data[: size // 2], data[size // 2 :]
        digests = await asyncio.gather(*(put(store, *halves, expected=expected) for _ in range(8)))
        assert set(digests) == {Digest.of(data)}
        assert await listed(store) == [(Digest.of(data), size)]
        assert await get(store, Digest.of(data)) == data

    async def test_writers_of_many_blobs_at_once(self, store: BlobStore) -> None:
        blobs = [content(size, seed) for seed in range(10) for size in (10, 5000, BUFFER_SIZE + 1)]
        digests = await asyncio.gather(*(put(store, blob) for blob in blobs))
        assert digests == [Digest.of(blob) for blob in blobs]
        assert await asyncio.gather(*(get(store, digest) for digest in digests)) == blobs

    async def test_many_blobs_are_written_at_once(self, store: BlobStore) -> None:
        blobs = {Digest.of(data): data for size in SIZES for seed in range(5) for data in [content(size, seed)]}
        await put(store, content(SIZES[2]))
        assert await store.write_many(blobs) == {}
        assert await store.write_many(blobs) == {}
        assert await store.missing(blobs) == set()
        assert await listed(store) == sorted((digest, len(data)) for digest, data in blobs.items())
        for digest, data in blobs.items():
            assert await get(store, digest) == data
            assert await get(store, digest, 1, 5000) == data[1:5001]

    async def test_many_blobs_are_read_at_once(self, store: BlobStore) -> None:
        blobs = {Digest.of(data): data for size in SIZES for seed in range(5) for data in [content(size, seed)]}
        await store.write_many(dict(list(blobs.items())[::2]))
        for data in list(blobs.values())[1::2]:
            await put(store, data)
        absent = Digest.of(b"absent")
        found = await store.read_many([*blobs, absent, EMPTY])
        assert isinstance(found.pop(absent), NotFound)
        assert found == {**blobs, EMPTY: b""}
        assert await store.read_many([]) == {}

    async def test_a_wrong_blob_among_many_is_named_and_not_stored(self, store: BlobStore) -> None:
        blobs = {Digest.of(content(5000, seed)): content(5000, seed) for seed in range(10)}
        wrong, large = Digest.of(b"other"), content(MAX_BLOB_SIZE + 1)
        failures = await store.write_many({**blobs, wrong: b"bytes", Digest.of(large): large, EMPTY: b""})
        assert failures.keys() == {wrong, Digest.of(large)}
        assert isinstance(failures[wrong], DigestMismatch)
        assert isinstance(failures[Digest.of(large)], LimitExceeded)
        assert await listed(store) == sorted((digest, 5000) for digest in blobs)
        assert await store.write_many({}) == {}

    async def test_batches_that_share_blobs_keep_one_copy(self, store: BlobStore) -> None:
        blobs = {Digest.of(content(6000, seed)): content(6000, seed) for seed in range(20)}
        assert await asyncio.gather(*(store.write_many(blobs) for _ in range(8))) == [{}] * 8
        assert await listed(store) == sorted((digest, 6000) for digest in blobs)
        for digest in blobs:
            assert await store.delete(digest)
        assert await listed(store) == []
        assert await store.write_many(blobs) == {}
        assert [await get(store, digest) for digest in blobs] == list(blobs.values())

    async def test_nothing_follows_a_commit(self, store: BlobStore) -> None:
        async def upload() -> None:
            async with store.writer(Digest.of(b"bytes")) as writer:
                await writer.write(b"bytes")
                await writer.commit()
                with pytest.raises(RuntimeError):
                    await writer.write(b"more")
                with pytest.raises(RuntimeError):
                    await writer.commit()

        await asyncio.gather(*(upload() for _ in range(3)))

    async def test_a_blob_past_the_limit_is_refused(self, store: BlobStore) -> None:
        data = content(MAX_BLOB_SIZE)
        with pytest.raises(LimitExceeded) as caught:
            await put(store, data, b"x")
        assert (caught.value.most, caught.value.actual) == (MAX_BLOB_SIZE, MAX_BLOB_SIZE + 1)
        assert await listed(store) == []
        assert await put(store, data) == Digest.of(data)

    async def test_the_empty_blob_is_always_there(self, store: BlobStore) -> None:
        assert await store.missing([EMPTY]) == set()
        assert (await store.stat(EMPTY)).size == 0
        assert await get(store, EMPTY) == b""
        assert await get(store, EMPTY, 0, 10) == b""
        assert await put(store) == EMPTY
        assert await put(store, b"", expected=EMPTY) == EMPTY
        assert await store.delete(EMPTY) is False
        assert await store.missing([EMPTY]) == set()
        assert await listed(store) == []
        with pytest.raises(OutOfRange):
            await get(store, EMPTY, 1)

    async def test_an_absent_blob_is_not_found(self, store: BlobStore) -> None:
        absent = Digest.of(b"absent")
        with pytest.raises(NotFound) as caught:
            await store.stat(absent)
        assert caught.value.digest == absent
        buffers = store.open(absent)
        with pytest.raises(NotFound):
            await anext(buffers)
        assert await store.delete(absent) is False

    @pytest.mark.parametrize("size", [100, 3 * BUFFER_SIZE + 7])
    async def test_ranges(self, store: BlobStore, size: int) -> None:
        data = content(size)
        digest = await put(store, data)
        ends = (0, 1, size // 2, size - 1, size)
        for offset in ends:
            assert await get(store, digest, offset) == data[offset:]
            for length in (*ends, size + 1, 1 << 62):
                assert await get(store, digest, offset, length) == data[offset : offset + length]

    async def test_a_range_outside_the_blob_is_refused(self, store: BlobStore) -> None:
        digest = await put(store, b"12345")
        for offset, length in ((-1, None), (6, None), (6, 0), (0, -1)):
            with pytest.raises(OutOfRange) as caught:
                await get(store, digest, offset, length)
            assert (caught.value.digest, caught.value.size) == (digest, 5)

    @pytest.mark.parametrize("size", [100, BUFFER_SIZE + 1])
    async def test_a_deleted_blob_is_gone_and_can_come_back(self, store: BlobStore, size: int) -> None:
        data = content(size)
        digest = await put(store, data)
        other = await put(store, b"other")
        assert await store.delete(digest) is True
        assert await store.missing([digest, other]) == {digest}
        with pytest.raises(NotFound):
            await get(store, digest)
        assert await listed(store) == [(other, 5)]
        assert await store.delete(digest) is False
        assert await put(store, data) == digest
        assert await get(store, digest) == data

    async def test_a_reader_receives_all_of_a_blob_deleted_under_it(self, store: BlobStore) -> None:
        data = content(3 * BUFFER_SIZE)
        digest = await put(store, data)
        async with aclosing(store.open(digest)) as buffers:
            parts = [bytes(await anext(buffers))]
            assert await store.delete(digest)
            parts += [bytes(buffer) async for buffer in buffers]
        assert b"".join(parts) == data

    async def test_a_reader_may_leave_early(self, store: BlobStore) -> None:
        data = content(3 * BUFFER_SIZE)
        digest = await put(store, data)
        for _ in range(20):
            async with aclosing(store.open(digest)) as buffers:
                assert data.startswith(bytes(await anext(buffers)))
        assert await get(store, digest) == data

    async def test_missing_takes_many_digests_repeated_or_not(self, store: BlobStore) -> None:
        present = {await put(store, b"%d" % number) for number in range(20)}
        absent = {Digest.of(b"absent %d" % number) for number in range(2500)}
        asked: Iterable[Digest] = [*present, *absent, *present, EMPTY]
        assert await store.missing(iter(asked)) == absent
        assert await store.missing([]) == set()

    async def test_walk_is_in_the_order_of_digests(self, store: BlobStore) -> None:
        digests = [await put(store, b"%d" % number) for number in range(30)]
        assert [digest for digest, _ in await listed(store)] == sorted(digests)

    async def test_blobs_may_go_while_they_are_walked(self, store: BlobStore) -> None:
        digests = sorted([await put(store, b"%d" % number) for number in range(30)])
        seen = []
        async with aclosing(store.walk()) as infos:
            async for info in infos:
                seen.append(info.digest)
                await store.delete(digests[-1])
        assert seen[: len(digests) - 1] == digests[:-1]


async def check_memory_does_not_grow(store: BlobStore, size: int = 64 * BUFFER_SIZE) -> None:
    """For stores that are not themselves memory: a blob of ``size`` bytes passes through in a fraction of them."""
    block = content(BUFFER_SIZE)
    tracemalloc.start()
    try:
        async with store.writer() as writer:
            for _ in range(size // BUFFER_SIZE):
                await writer.write(block[:])
            digest = await writer.commit()
        async with aclosing(store.open(digest)) as buffers:
            received = sum([len(memoryview(buffer)) async for buffer in buffers])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert received == size
    assert peak < 8 * BUFFER_SIZE
