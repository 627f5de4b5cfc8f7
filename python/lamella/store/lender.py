"""Gives files with the bytes of blobs, wherever these are, to code that reads files."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

from lamella._core import BlobFile, RecipeError
from lamella.errors import NotFound
from lamella.index import BlobRecord, Health, Place
from lamella.store.chunks import ATTEMPTS, Chunks, LostChunks
from lamella.store.inflater import DAMAGED
from lamella.store.recipes import Recipes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from lamella.index import Blobs
    from lamella.model import Digest
    from lamella.store.inflater import Inflater
    from lamella.store.layout import Layout
    from lamella.store.remover import Remover


class Lender:
    """Files lie in ``temporary``; a hot blob's is another name of its own."""

    def __init__(
        self, layout: Layout, health: Health, blobs: Blobs, chunks: Chunks, remover: Remover, *, inflater: Inflater
    ) -> None:
        self._layout = layout
        self._health = health
        self._blobs = blobs
        self._recipes = Recipes(layout)
        self._chunks = chunks
        self._inflater = inflater
        self._remover = remover

    @asynccontextmanager
    async def file(self, digest: Digest, threads: Executor) -> AsyncIterator[Path]:
        """See ``LocalStore.file``."""
        path = self._layout.temporary / f"file-{secrets.token_hex(8)}"
        lending = threads.submit(self._lend, digest, path)
        try:
            await asyncio.wrap_future(lending)
            yield path
        finally:
            # Not before the thread is done that makes the name, which a cancel does not stop.
            lending.add_done_callback(lambda _: path.unlink(missing_ok=True))

    def _lend(self, digest: Digest, path: Path) -> None:
        """Make a file with the bytes of a blob."""
        for _ in range(ATTEMPTS):
            record, data = self._blobs.look_up(digest)
            try:
                if record.place is Place.FILE:
                    path.hardlink_to(self._layout.blob(digest))
                elif record.place is Place.RECIPE:
                    with closing(self._recipes.open(digest)) as opened:
                        self._make(record, self._chunks.rebuild(opened.recipe), path)
                elif record.place is Place.INFLATED:
                    with closing(self._inflater.open(record)) as content:
                        self._make(record, content.buffers(0, record.size), path)
                else:
                    path.write_bytes(self._chunks.read(record) if data is None else data)
            except FileNotFoundError:
                self._remover.forget_lost(digest)
            except (LostChunks, *DAMAGED) as error:
                raise self._remover.condemn(record, error) from error
            except OSError as error:
                self._health.write_failed(error)
            else:
                return
        raise NotFound(digest)

    def _make(self, record: BlobRecord, buffers: Iterator[memoryview], path: Path) -> None:
        file = BlobFile(self._layout.temporary)
        try:
            for buffer in buffers:
                file.write(buffer)
            if file.digest() != record.digest.raw:
                raise RecipeError(f"it gives sha256:{file.digest().hex()}")
            file.publish(path)
        finally:
            file.close()
