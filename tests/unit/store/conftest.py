from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from lamella.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest_asyncio.fixture
async def store(folder: Path) -> AsyncIterator[LocalStore]:
    async with LocalStore(folder) as store:
        yield store
