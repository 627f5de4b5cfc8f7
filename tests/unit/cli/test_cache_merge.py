"""``lamella admin cache-merge``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from lamella.cli.main import cli
from lamella.store.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def data_folder(tmp_path: Path) -> Path:
    async with LocalStore(tmp_path / "data"):
        return tmp_path / "data"


def cache_merge(data_folder: Path, *arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["admin", "cache-merge", str(data_folder), *arguments])
    assert result.exit_code == exit_code, result.output
    return result.output


def test_merging_is_on_until_it_is_turned_off_for_a_tag(data_folder: Path) -> None:
    assert cache_merge(data_folder, "cache/app:main") == "caches exported to cache/app:main are merged\n"
    assert "not merged" in cache_merge(data_folder, "cache/app:main", "--off")
    assert "not merged" in cache_merge(data_folder, "cache/app:main")
    assert "are merged" in cache_merge(data_folder, "cache/app:other")
    assert "are merged" in cache_merge(data_folder, "cache/app")
    assert "are merged" in cache_merge(data_folder, "cache/app:main", "--on")


def test_json_says_the_same(data_folder: Path) -> None:
    assert json.loads(cache_merge(data_folder, "cache/app:main", "--off", "--json")) == {
        "repository": "cache/app",
        "tag": "main",
        "merged": False,
    }
    assert json.loads(cache_merge(data_folder, "cache/app", "--json")) == {
        "repository": "cache/app",
        "tag": None,
        "merged": True,
    }


def test_a_repository_that_is_off_is_off_for_each_of_its_tags(data_folder: Path) -> None:
    cache_merge(data_folder, "cache/app", "--off")
    assert "not merged" in cache_merge(data_folder, "cache/app:main", "--on")
    assert "are merged" in cache_merge(data_folder, "cache/app2:main")
    cache_merge(data_folder, "cache/app", "--on")
    assert "are merged" in cache_merge(data_folder, "cache/app:main")


@pytest.mark.parametrize("reference", ["Cache/app", "cache/app:", "cache/app:a b", ""])
def test_a_wrong_reference_changes_nothing(data_folder: Path, reference: str) -> None:
    assert "Error" in cache_merge(data_folder, reference, "--off", exit_code=2)
    assert "are merged" in cache_merge(data_folder, "cache/app")
