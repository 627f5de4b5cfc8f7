from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from lamella.store import BlobStore, CoalescingStore, LocalStore, MemoryStore, VerifyingStore
from tests.suites.blob_store import MAX_BLOB_SIZE, BlobStoreSuite, check_memory_does_not_grow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lamella.model import Digest


async def no_quarantine(digest: Digest, reason: str) -> None:
    raise AssertionError(f"{digest}: {reason}")


class TestMemoryStore(BlobStoreSuite):
    @pytest.fixture
    def store(self) -> BlobStore:
        return MemoryStore(max_blob_size=MAX_BLOB_SIZE)


class TestLocalStore(BlobStoreSuite):
    @pytest_asyncio.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[BlobStore]:
        async with LocalStore(tmp_path / "store", max_blob_size=MAX_BLOB_SIZE) as store:
            yield store
        assert list((tmp_path / "store" / "temporary").iterdir()) == []


class TestVerifyingStore(BlobStoreSuite):
    @pytest_asyncio.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[BlobStore]:
        async with LocalStore(tmp_path / "store", max_blob_size=MAX_BLOB_SIZE) as store:
            yield VerifyingStore(store, store.quarantine)


class TestCoalescingStore(BlobStoreSuite):
    @pytest_asyncio.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[BlobStore]:
        async with LocalStore(tmp_path / "store", max_blob_size=MAX_BLOB_SIZE) as store:
            yield CoalescingStore(store)


async def test_memory_does_not_grow_with_a_blob(tmp_path: Path) -> None:
    async with LocalStore(tmp_path / "store") as store:
        await check_memory_does_not_grow(CoalescingStore(VerifyingStore(store, no_quarantine)))
