"""``lamella admin scrub``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from lamella.cli.main import cli
from tests.unit.maintenance.farm import Farm
from tests.unit.store.layers import flip, layer, put_cold

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.model import Digest

LAYER = layer()


class Data:
    """A closed store with a step, and a cold layer."""

    def __init__(self, folder: Path) -> None:
        self.farm = Farm(folder)

    async def fill(self) -> None:
        self.blob = await self.farm.blob(5000)
        self.step = await self.farm.step("step", self.blob)
        self.cold = await put_cold(self.farm.store, LAYER)
        self.farm.store.close()

    def file(self, digest: Digest) -> Path:
        return self.farm.folder / "blobs" / "sha256" / digest.hex[:2] / digest.hex

    def scrub(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["admin", "scrub", str(self.farm.folder), *arguments])


@pytest.fixture
async def data(tmp_path: Path) -> Data:
    data = Data(tmp_path / "data")
    await data.fill()
    return data


def test_a_sound_store_is_said_to_be_sound(data: Data) -> None:
    result = data.scrub()
    assert result.exit_code == 0
    assert "all of them are as they were written" in result.stdout
    document = json.loads(data.scrub("--json").stdout)
    assert (document["packs"], document["damaged"], document["misses"]) == (1, [], [])


def test_what_is_lost_is_named_with_who_needs_it(data: Data) -> None:
    flip(data.file(data.blob), 17)
    result = data.scrub("--json")
    assert result.exit_code == 1
    assert "1 blobs are lost" in result.stderr
    document = json.loads(result.stdout)
    [damaged] = document["damaged"]
    assert (damaged["digest"], damaged["place"], damaged["outcome"]) == (str(data.blob), "file", "lost")
    assert damaged["path"] == str(data.file(data.blob))
    expected = {"kind": "step", "space": "default/app@main", "name": str(data.step), "blob": str(data.blob)}
    assert document["misses"] == [expected]
    assert data.scrub().exit_code == 0


def test_the_table_names_them_too(data: Data) -> None:
    flip(data.file(data.blob), 17)
    result = data.scrub()
    assert result.exit_code == 1
    assert f"  {data.file(data.blob).relative_to(data.farm.folder)}  " in result.stdout
    [line] = [line for line in result.stdout.splitlines() if line.startswith("step ")]
    assert line.split() == ["step", "default/app@main", str(data.step), str(data.blob)]


def test_a_damaged_chunk_is_told_once_and_on_a_short_line(
    data: Data, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    [pack] = (data.farm.folder / "packs").iterdir()
    flip(pack, 100)
    monkeypatch.chdir(data.farm.folder)
    result = CliRunner().invoke(cli, ["admin", "scrub", "."])
    assert caplog.messages == []
    chunks = [line for line in result.stdout.splitlines() if f"  packs/{pack.name}  " in line]
    [recipe] = [line for line in result.stdout.splitlines() if line.startswith(str(data.cold))]
    assert f"it lacks {len(chunks)} of its chunks, first sha256:" in recipe
    assert {" ".join(line.split()[2:]) for line in chunks} == {"15 a frame has a wrong checksum lost"}


def test_what_is_healed_is_no_failure(data: Data) -> None:
    data.file(data.cold).write_bytes(LAYER)
    flip(data.farm.folder / "recipes" / "sha256" / data.cold.hex[:2] / data.cold.hex, 60)
    result = data.scrub()
    assert result.exit_code == 0
    [line] = [line for line in result.stdout.splitlines() if line.startswith(str(data.cold))]
    assert line.endswith("healed")


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["admin", "scrub", str(tmp_path)])
    assert result.exit_code == 1
    assert "is not the data folder of a server" in result.stderr
