"""A record that relies on a file which a crash has left is written once the file's name is durable."""

from __future__ import annotations

import asyncio
import importlib
import shutil
from typing import TYPE_CHECKING

import pytest

from lamella._core import sync_directory
from lamella.index import BlobRecord, Blobs
from lamella.store import LocalStore, reindex
from lamella.store.layout import Layout
from tests.suites.blob_store import content, put
from tests.unit.store.layers import flip, layer, put_cold

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.index.table import Transaction

LAYER = layer(files=12)


class Names:
    """Folders that were synced since ``forget``, and files that records came to rely on before theirs was."""

    def __init__(self) -> None:
        self.synced: set[Path] = set()
        self.unsynced: list[Path] = []

    def forget(self) -> None:
        self.synced.clear()
        self.unsynced.clear()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Names:
    names, move = Names(), Blobs.move

    def sync(path: Path) -> None:
        sync_directory(path)
        names.synced.add(path)

    def look_and_move(blobs: Blobs, txn: Transaction, record: BlobRecord) -> None:
        holder = Layout(folder).holder(record)
        if holder is not None and holder.parent not in names.synced:
            names.unsynced.append(holder)
        move(blobs, txn, record)

    for module in ("reindex", "reindex_packs", "healer", "packs"):
        monkeypatch.setattr(importlib.import_module(f"lamella.store.{module}"), "sync_directory", sync)
    monkeypatch.setattr(Blobs, "move", look_and_move)
    return names


async def test_reindex_syncs_the_names_that_it_takes_in(folder: Path, names: Names) -> None:
    async with LocalStore(folder) as store:
        await put(store, content(10_000))
        await put_cold(store, LAYER)
    shutil.rmtree(folder / "index")
    names.forget()
    report = reindex(folder)
    assert (report.files, report.packs, report.cold) == (1, 1, 1)
    assert names.unsynced == []


async def test_a_whole_copy_that_heals_a_recipe_has_a_durable_name(
    store: LocalStore, folder: Path, names: Names
) -> None:
    digest = await put_cold(store, LAYER)
    record = store.blobs.get(digest)
    assert record is not None
    flip(Layout(folder).recipe(digest), 100)
    Layout(folder).blob(digest).write_bytes(LAYER)
    names.forget()
    assert await asyncio.to_thread(store.healer.heal, record)
    assert names.unsynced == []
