"""No file goes that the last commit of a killed process names, although readers do not see that commit yet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from lamella.index import Place
from tests.suites.blob_store import get, put
from tests.unit.store.killed_commit import (
    DIGEST,
    LAYER,
    Change,
    compact,
    kill_in_commit,
    remove_leftovers,
    upload,
    warm,
)
from tests.unit.store.layers import put_cold

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.store import LocalStore


@pytest.mark.parametrize("act", [remove_leftovers, compact, warm, upload])
@pytest.mark.parametrize(("change", "place"), [(upload, Place.FILE), (compact, Place.RECIPE), (warm, Place.FILE)])
async def test_what_a_killed_process_has_committed_is_whole(
    store: LocalStore, folder: Path, change: Change, place: Place, act: Change
) -> None:
    if change is warm:
        await put_cold(store, LAYER)
    elif change is compact:
        await put(store, LAYER)
    before = store.blobs.get(DIGEST)
    await asyncio.to_thread(kill_in_commit, folder, change, place)
    assert store.blobs.get(DIGEST) == before
    await asyncio.to_thread(act, store)
    assert store.blobs.current(DIGEST) is not None
    assert await get(store, DIGEST) == LAYER
