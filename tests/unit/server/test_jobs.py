from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.server.config import ServerConfig
from lamella.server.jobs import jobs
from lamella.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path


async def test_what_is_turned_off_is_no_job(tmp_path: Path) -> None:
    async with LocalStore(tmp_path) as store:
        assert {job.name for job in jobs(store, ServerConfig(tmp_path))} >= {"compacting", "scrubbing"}
        found = jobs(store, ServerConfig(tmp_path, cold_after=None, scrub_days=0))
        assert {job.name for job in found}.isdisjoint({"compacting", "scrubbing"})
