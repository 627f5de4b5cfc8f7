"""``lamella admin compact``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lamella.cli.main import cli
from lamella.index import UsageTable
from lamella.maintenance.kept_limit import keep_limit, kept_limit
from lamella.server.config import GarbageConfig, ServerConfig
from lamella.server.store import open_store
from lamella.store import LocalStore
from tests.suites.blob_store import put
from tests.unit.store.layers import layer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def data_folder(tmp_path: Path) -> Path:
    """Two layers, both hot."""
    async with LocalStore(tmp_path / "data") as store:
        for release in range(2):
            await put(store, layer(release))
    return tmp_path / "data"


def compact(data_folder: Path) -> Any:
    result = CliRunner().invoke(cli, ["admin", "compact", str(data_folder), "--all", "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def stored(data_folder: Path) -> int:
    async with LocalStore(data_folder) as store:
        with store.index.read() as txn:
            return UsageTable(store.index).on_disk(txn)


async def test_a_layer_stays_hot_that_would_take_the_store_above_the_limit_of_its_server(data_folder: Path) -> None:
    full = await stored(data_folder)
    keep_limit(data_folder, full)
    assert (compact(data_folder)["blobs"], compact(data_folder)["failed"]) == (0, 2)
    assert await stored(data_folder) == full
    keep_limit(data_folder, 2 * full)
    assert (compact(data_folder)["blobs"], await stored(data_folder) < full) == (2, True)


@pytest.mark.parametrize("limits", [(None, None), (1000, 1000), (1000, 2000), (1000, None), (None, 3000)])
async def test_a_server_leaves_its_limit(tmp_path: Path, limits: tuple[int | None, ...]) -> None:
    for most in limits:
        async with open_store(ServerConfig(tmp_path, garbage=GarbageConfig(max_size=most))):
            assert kept_limit(tmp_path) == most


def test_a_limit_that_is_no_number_is_named(data_folder: Path) -> None:
    (data_folder / "max-size").write_text("much")
    result = CliRunner().invoke(cli, ["admin", "compact", str(data_folder)])
    assert result.exit_code == 1
    assert "max-size: it should hold a number of bytes" in result.output
