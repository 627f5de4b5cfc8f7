"""``lamella admin gc``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from lamella.cli.main import cli
from tests.unit.maintenance.farm import DAY, Farm

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def data_folder(tmp_path: Path) -> Path:
    """A tag and a loose blob, last used forty days ago, and a step of today."""
    farm = Farm(tmp_path / "data")
    farm.now = time.time() - 40 * DAY
    await farm.image("app:latest", await farm.blob(5000))
    await farm.blob(6000)
    farm.now = time.time()
    await farm.step("step", await farm.blob(7000))
    farm.store.close()
    return farm.folder


def gc(data_folder: Path, *arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["admin", "gc", str(data_folder), *arguments])
    assert result.exit_code == exit_code, result.output
    return result.output


def test_a_dry_run_explains_each_unit_and_a_run_removes_it(data_folder: Path) -> None:
    for _ in range(2):
        lines = gc(data_folder, "--max-age", "30d", "--dry-run").splitlines()
        [tag] = [line for line in lines if line.startswith("tag ")]
        assert "app:latest" in tag
        assert "40 d ago" in tag
        assert "not used for too long" in tag
        assert "5.5 kB" in tag
        [blobs] = [line for line in lines if line.startswith("blobs ")]
        assert "nothing needs them" in blobs
        assert "6.0 kB" in blobs
        # The manifest goes with its tag, and frees nothing by itself.
        assert lines[-1] == "2 units would go, which frees 11.5 kB; 7.0 kB would stay"
    assert gc(data_folder, "--max-age", "30d").splitlines()[-1] == "2 units and 4 blobs removed, 11.5 kB freed"
    assert gc(data_folder, "--max-age", "30d") == "0 units and 0 blobs removed, 0 B freed\n"


@pytest.fixture
async def young(tmp_path: Path) -> Path:
    """A tag that was used last a minute ago."""
    farm = Farm(tmp_path / "young")
    farm.now = time.time() - 60
    await farm.image("app:latest", await farm.blob(5000))
    farm.store.close()
    return farm.folder


def test_units_that_free_nothing_yet_are_explained(young: Path) -> None:
    last = gc(young, "--max-age", "1s", "--grace", "10m", "--dry-run").splitlines()[-1]
    assert last == "what nothing needs then stays until 10 min 0 s after its last use (--grace)"
    assert "(--grace)" not in gc(young, "--max-age", "1s", "--grace", "1s", "--dry-run")


def test_json_has_the_same(data_folder: Path) -> None:
    document = json.loads(gc(data_folder, "--max-size", "12kB", "--json"))
    assert [(unit["kind"], unit["space"], unit["why"]) for unit in document["units"]] == [
        ("tag", "app", "size"),
        ("manifest", "app", "size"),
    ]
    assert document["units"][0]["name"] == "latest"
    assert document["loose"] == {"blobs": 1, "freed_bytes": 6000}
    freed = 6000 + sum(unit["freed_bytes"] for unit in document["units"])
    assert document["removed"] == {"units": 2, "spared": 0, "blobs": 4, "freed": freed}
    assert document["kept_bytes"] == 7000


def test_rules_and_limits_are_checked_before_anything_goes(data_folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[[rule]]\nrepository = 'app'\nkeep_last = 'all'\n")
    assert "rule[1].keep_last" in gc(data_folder, "--retention", str(rules), exit_code=1)
    assert "not a size" in gc(data_folder, "--max-size", "lots", exit_code=2)
    assert "not an age" in gc(data_folder, "--max-age", "30", exit_code=2)
    assert "not the data folder" in gc(tmp_path, exit_code=1)
    rules.write_text("[[rule]]\nrepository = 'app'\nkeep_last = 1\n")
    assert "1 blobs removed" in gc(data_folder, "--retention", str(rules), "--max-age", "30d")
