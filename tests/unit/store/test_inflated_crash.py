"""A process that is killed while layers come, are looked into, turn cold and go leaves none without its source."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from lamella.model import Digest
from lamella.store import LocalStore
from tests.suites.blob_store import get

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 6

CHILD = """
import asyncio, random, sys
from pathlib import Path
from lamella.model import Digest
from lamella.store import LocalStore
from tests.suites.blob_store import put
from tests.unit.store.layers import layer
from tests.unit.store.test_gzip_cold import compressed

LAYERS = [compressed(layer(release, files=36), "go-1.26") for release in range(4)]

async def main() -> None:
    async with LocalStore(Path(sys.argv[1])) as store:
        store.examiner.examine(await put(store, LAYERS[3]))
        print("ready", flush=True)
        while True:
            digest = await put(store, random.choice(LAYERS[:3]))
            todo = random.choice([store.examiner.examine, store.compactor.compact])
            await asyncio.to_thread(todo, digest)
            if random.random() < 0.5:
                await store.delete(digest)

asyncio.run(main())
"""


def use_and_be_killed(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(random.uniform(0.05, 0.6))
        child.kill()


async def test_a_killed_process_leaves_nothing_that_cannot_be_read(folder: Path) -> None:
    for _ in range(KILLS):
        await asyncio.to_thread(use_and_be_killed, folder)
        async with LocalStore(folder) as store:
            records = store.blobs.page(None, 10_000)
            known = {record.digest for record in records}
            assert any(record.source for record in records)
            for record in records:
                assert record.source is None or record.source in known
                assert Digest.of(await get(store, record.digest)) == record.digest
