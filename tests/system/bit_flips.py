"""A store with blobs in every place, some of them twice, and bits that are flipped in it."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from lamella.index import BlobRecord, PackTable, Place
from lamella.model import Digest
from lamella.store import LocalStore
from tests.suites.blob_store import get, put
from tests.unit.store.layers import layer, put_cold
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from pathlib import Path

PLACES = [place for place in Place if place is not Place.INFLATED]
"""Those with bytes of their own."""


class FlippedStore:
    """``blobs`` is what was stored, chunks included. ``hit`` are the records whose own bytes were flipped."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.blobs: dict[Digest, bytes] = {}
        self.hit: set[Digest] = set()
        self.packs: set[Path] = set()
        self.places: Counter[Place] = Counter()

    async def fill(self, many: int) -> None:
        """Store about ``many`` small blobs in each place, a few layers, and compressed ones with what they hold."""
        chance = self.chance
        async with LocalStore(self.folder) as store:
            small = [chance.randbytes(chance.randrange(1, 4000)) for _ in range(many)]
            small += [chance.randbytes(chance.randrange(4100, 30_000)) for _ in range(many)]
            self.blobs = dict(zip(await asyncio.gather(*(put(store, data) for data in small)), small, strict=True))
            for _ in range(many // 8):
                batch = [chance.randbytes(chance.randrange(4100, 20_000)) for _ in range(8)]
                assert await store.write_many({Digest.of(data): data for data in batch}) == {}
                self.blobs |= {Digest.of(data): data for data in batch}
            layers = [layer(release, files=10) for release in range(max(4, many // 10))]
            for number, data in enumerate(layers):
                digest = await put_cold(store, data)
                self.blobs[digest] = data
                if number % 4 == 0:
                    self.file(digest).write_bytes(data)
                elif number % 4 == 1:
                    self.file(digest).write_bytes(data)
                    hot = BlobRecord(digest, len(data), Place.FILE, 0, len(data))
                    await store.index.write(lambda txn, hot=hot: store.blobs.move(txn, hot))  # type: ignore[misc]
            for number in range(4):
                data = compressed(layer(len(layers) + number), "go-1.26")
                source = await (put_cold if number % 2 else put)(store, data)
                self.blobs[source] = data
                store.examiner.examine(source)
                assert store.blobs.inflated_from(source) is not None
            await self._copy_packs(store)
            for record in store.blobs.page(None, 1_000_000):
                if record.digest not in self.blobs:
                    self.blobs[record.digest] = await get(store, record.digest)

    async def flip(self, many: int) -> None:
        """Flip bits of files and of values in the index, never one twice."""
        async with LocalStore(self.folder) as store:
            records = store.blobs.page(None, 1_000_000)
            by_place = {place: [record for record in records if record.place is place] for place in Place}
            packs = sorted((self.folder / "packs").iterdir())
            done: set[tuple[object, int]] = set()
            while len(done) < many:
                record = self.chance.choice(by_place[self.chance.choice(PLACES)])
                path = self._path(record)
                if record.place is Place.PACKED:
                    path = self.chance.choice(packs)
                size = record.size if path is None else path.stat().st_size
                bit = self.chance.randrange(8 * size)
                if (path or record.digest, bit) in done:
                    continue
                done.add((path or record.digest, bit))
                if path is None:
                    await self._flip_value(store, record.digest, bit)
                else:
                    _flip(path, bit)
                self.places[record.place] += 1
                if record.place is Place.PACKED and path is not None:
                    self.packs.add(path)
                else:
                    self.hit.add(record.digest)

    def copy(self, folder: Path) -> FlippedStore:
        """Return the same store in another folder."""
        shutil.copytree(self.folder, folder)
        copied = FlippedStore(folder, 0)
        copied.blobs = self.blobs
        return copied

    def file(self, digest: Digest) -> Path:
        return self.folder / "blobs" / "sha256" / digest.hex[:2] / digest.hex

    async def _copy_packs(self, store: LocalStore) -> None:
        """Let every third pack be there a second time, as a crash while packs are written anew leaves it."""
        table = PackTable(store.index)
        for number, pack in enumerate(table.page(None, 1000)):
            if number % 3 == 0:
                copy = replace(pack, pack=pack.pack ^ 1)
                path = self.folder / "packs" / f"{pack.pack:016x}.pack"
                shutil.copyfile(path, path.with_name(f"{copy.pack:016x}.pack"))
                await store.index.write(
                    lambda txn, copy=copy: table.put(txn, copy.pack, copy.size)  # type: ignore[misc]
                )

    def _path(self, record: BlobRecord) -> Path | None:
        if record.place is Place.RECIPE:
            return self.folder / "recipes" / "sha256" / record.digest.hex[:2] / record.digest.hex
        return self.file(record.digest) if record.place is Place.FILE else None

    async def _flip_value(self, store: LocalStore, digest: Digest, bit: int) -> None:
        values = store.index.table("inline")
        with store.index.read() as txn:
            value = bytearray(values.get(txn, digest.raw) or b"")
        value[bit // 8] ^= 1 << bit % 8
        await store.index.write(lambda txn: values.put(txn, digest.raw, bytes(value)))


def _flip(path: Path, bit: int) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(bit // 8)
        [byte] = file.read(1)
        file.seek(bit // 8)
        file.write(bytes([byte ^ (1 << bit % 8)]))
