from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.server.config import ServerConfig
from lamella.server.jobs import jobs
from lamella.server.store import open_store

if TYPE_CHECKING:
    from pathlib import Path


async def test_what_is_turned_off_is_no_job(tmp_path: Path) -> None:
    config = ServerConfig(tmp_path)
    async with open_store(config) as store:
        assert {job.name for job in jobs(store, config)} >= {"compacting", "scrubbing", "warming"}
    config = ServerConfig(tmp_path, cold_after=None, warm_after=None, scrub_days=0)
    async with open_store(config) as store:
        assert {job.name for job in jobs(store, config)}.isdisjoint({"compacting", "scrubbing", "warming"})
