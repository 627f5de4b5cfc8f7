"""Damaging a store, and scrubbing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.maintenance.scrub import Finding, Scrub, ScrubReport
from lamella.model import Digest
from lamella.store.layout import Layout
from tests.suites.blob_store import get
from tests.unit.store.layers import flip, layer

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.index import BlobRecord, Place
    from tests.unit.maintenance.farm import Farm

LAYER = layer()


def scrub(farm: Farm) -> ScrubReport:
    run = Scrub(farm.store)
    assert run.run()
    return run.report


def only(report: ScrubReport) -> Finding:
    [finding] = report.findings
    return finding


def place(farm: Farm, digest: Digest) -> Place | None:
    record = farm.store.blobs.get(digest)
    return None if record is None else record.place


def layout(farm: Farm) -> Layout:
    return Layout(farm.folder)


def packs(farm: Farm) -> list[Path]:
    return sorted(layout(farm).packs.iterdir())


def chunks(farm: Farm) -> list[BlobRecord]:
    """Return what is packed, in the order of the packs."""
    found = [record for record in farm.store.blobs.page(None, 10_000) if record.location is not None]
    return sorted(found, key=_frame)


def _frame(record: BlobRecord) -> tuple[int, int]:
    assert record.location is not None
    return record.location.pack, record.location.frame_offset


def damage_frame(farm: Farm, record: BlobRecord) -> list[BlobRecord]:
    """Damage the frame of a chunk, and return all that are in it."""
    at = record.location
    assert at is not None
    flip(layout(farm).pack(at.pack), at.frame_offset + at.frame_length // 2)
    return [other for other in chunks(farm) if _frame(other) == _frame(record)]


async def assert_sound(farm: Farm, *whole: bytes) -> None:
    """A scrub finds nothing any more, and all of that can be read."""
    assert scrub(farm).findings == []
    for data in whole:
        assert await get(farm.store, Digest.of(data)) == data
