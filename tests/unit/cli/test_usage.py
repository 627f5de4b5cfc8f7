"""``lamella admin usage``, and the second table of ``lamella stats``."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from lamella.cli.main import cli
from lamella.client import AsyncClient, PlaceRow, ProjectRow, StatsRow, StoreUsage, Where
from lamella.model import Digest
from lamella.store import LocalStore
from tests.unit.maintenance.farm import Farm

if TYPE_CHECKING:
    from pathlib import Path

ROW = StatsRow("", "", "", "", 4, 3, 1, 1, 0, 0, 2.0)
PLACES = (PlaceRow(Where.FILES, 3, 7000, 7000),)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def words(line: str) -> list[str]:
    return [word for word in line.split("  ") if word]


@pytest.fixture
async def data_folder(tmp_path: Path) -> Path:
    """A layer that two projects share, one that is of the first alone, and one that nobody needs."""
    farm = Farm(tmp_path / "data")
    shared = await farm.blob(5000)
    for scope in ("a/a@main", "b/b@main"):
        await farm.step("shared", shared, scope)
    await farm.step("own", await farm.blob(6000), "a/a@main")
    await farm.blob(7000)
    farm.store.close()
    return farm.folder


def test_projects_are_counted_afresh(data_folder: Path) -> None:
    assert "project" not in run("admin", "usage", str(data_folder))
    lines = [words(line.strip()) for line in run("admin", "usage", str(data_folder), "--by-project").splitlines()]
    start = next(place for place, line in enumerate(lines) if line[:1] == ["project"])
    assert [[word.strip() for word in line] for line in lines[start + 2 :]] == [
        ["a/a", "2", "11.0 kB", "11.0 kB", "6.0 kB", "1.0"],
        ["b/b", "1", "5.0 kB", "5.0 kB", "0 B", "1.0"],
        ["all", "2", "11.0 kB", "11.0 kB", "11.0 kB", "1.0"],
    ]


def test_the_folder_is_by_default_that_of_the_server(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMELLA_DATA", str(data_folder))
    assert run("admin", "usage") == run("admin", "usage", str(data_folder))


def test_programs_get_the_same_numbers(data_folder: Path) -> None:
    assert "projects" not in json.loads(run("admin", "usage", str(data_folder), "--json"))
    found = json.loads(run("admin", "usage", str(data_folder), "--by-project", "--json"))
    assert found["stored_bytes"] == 18_000
    assert found["projects"][1] == {
        "project": "b/b",
        "blobs": 1,
        "bytes": 5000,
        "stored_bytes": 5000,
        "own_bytes": 0,
        "ratio": 1.0,
    }
    assert found["total"]["stored_bytes"] == 11_000


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[StoreUsage]:
    """What a server answers; a test sets the element."""
    usages = [StoreUsage(PLACES, (), None, None)]

    async def stats(*_: object, **__: object) -> list[StatsRow]:
        return [ROW]

    async def usage(*_: object, **__: object) -> StoreUsage:
        return usages[0]

    monkeypatch.setattr(AsyncClient, "stats", stats)
    monkeypatch.setattr(AsyncClient, "usage", usage)
    return usages


def test_stats_say_when_projects_are_counted(answered: list[StoreUsage]) -> None:
    assert answered[0].counted is None
    assert "stored: 7.0 kB; what each project takes is counted when garbage" in run("stats")
    stored = json.loads(run("stats", "--json"))["stored"]
    assert (stored["counted"], stored["projects"], stored["total"]) == (None, [], None)
    assert stored["places"] == [{"where": "files", "blobs": 3, "bytes": 7000, "stored_bytes": 7000}]


def test_what_packs_hold_beside_blobs_is_said_and_counted(answered: list[StoreUsage]) -> None:
    rest = PlaceRow(Where.REST_OF_PACKS, 0, 0, 500)
    answered[0] = StoreUsage((*PLACES, rest), (), None, None)
    assert "stored: 7.5 kB, with 500 B that packs hold beside blobs; " in run("stats")


def test_what_is_on_the_disk_includes_what_packs_hold_beside_blobs(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    asyncio.run(put_pack(folder))
    [pack] = (folder / "packs").iterdir()
    found = json.loads(run("admin", "usage", str(folder), "--json"))
    assert found["stored_bytes"] == pack.stat().st_size
    places = {place["where"]: place["stored_bytes"] for place in found["places"]}
    assert places["rest_of_packs"] == found["stored_bytes"] - places["packs"] > 0
    [rest, total] = run("admin", "usage", str(folder)).splitlines()[-2:]
    assert words(rest)[0] == "rest of packs"
    assert words(total)[0] == "all"


async def put_pack(folder: Path) -> None:
    async with LocalStore(folder) as store:
        blobs = [bytes([n]) * 20_000 for n in range(20)]
        assert not await store.write_many({Digest.of(data): data for data in blobs})


def test_stats_show_the_ratio_by_project_with_a_total(answered: list[StoreUsage]) -> None:
    project, total = ProjectRow("a/a", 3, 20_000, 5000, 4000), ProjectRow("", 4, 30_000, 6000, 6000)
    answered[0] = StoreUsage(PLACES, (project,), total, 1e9)
    lines = run("stats").splitlines()
    assert lines[-1].split() == ["all", "4", "30.0", "kB", "6.0", "kB", "6.0", "kB", "5.0"]
    assert lines[-2].split() == ["a/a", "3", "20.0", "kB", "5.0", "kB", "4.0", "kB", "4.0"]
    assert run("stats", "--project", "a/a").splitlines()[-1] == lines[-2]
    found = json.loads(run("stats", "--json"))
    assert (found["rows"][0]["hits"], found["stored"]["total"]["ratio"]) == (3, 5.0)
