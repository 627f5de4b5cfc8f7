"""Flipped bits are never served; one scrub finds all of them, heals what it can, and takes out the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lamella.errors import Corrupted, NotFound
from lamella.maintenance.scrub import Outcome, Scrub
from lamella.store import LocalStore
from lamella.store.verify import VerifyingStore
from tests.suites.blob_store import get, listed
from tests.system.bit_flips import PLACES, FlippedStore

if TYPE_CHECKING:
    from pathlib import Path


async def assert_nothing_wrong_is_served(flipped: FlippedStore) -> None:
    served = 0
    async with LocalStore(flipped.folder) as local:
        store = VerifyingStore(local, local.quarantine)
        for digest, data in flipped.blobs.items():
            try:
                assert await get(store, digest) == data
            except (Corrupted, NotFound):
                continue
            served += 1
    assert served


async def assert_one_scrub_finds_everything(flipped: FlippedStore) -> None:
    async with LocalStore(flipped.folder) as store:
        scrub = Scrub(store, threads=2)
        assert scrub.run()
        report = scrub.report
        assert {finding.damage.digest for finding in report.findings} >= flipped.hit
        assert {finding.damage.path for finding in report.findings} >= flipped.packs
        outcomes = {finding.outcome for finding in report.findings}
        assert {Outcome.HEALED, Outcome.LOST} <= outcomes <= set(Outcome) - {Outcome.LEFT}

        again = Scrub(store)
        assert again.run()
        assert again.report.findings == []

        present = {digest for digest, _ in await listed(store)}
        assert present.isdisjoint(report.lost)
        assert present | report.lost == flipped.blobs.keys()
        for digest in present:
            assert await get(store, digest) == flipped.blobs[digest]


async def flip(folder: Path, many: int, flips: int) -> None:
    flipped = FlippedStore(folder / "store", flips)
    await flipped.fill(many)
    await flipped.flip(flips)
    assert set(flipped.places) == set(PLACES)
    await assert_nothing_wrong_is_served(flipped.copy(folder / "copy"))
    await assert_one_scrub_finds_everything(flipped)


async def test_fifty_flipped_bits(tmp_path: Path) -> None:
    await flip(tmp_path, 40, 50)


@pytest.mark.slow
async def test_a_thousand_flipped_bits(tmp_path: Path) -> None:
    await flip(tmp_path, 600, 1000)
