"""Looks into the compressed layers of manifests, so that each of them is also there by its diff_id."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from lamella.errors import Corrupted, Invalid, LamellaError, LimitExceeded, NotFound
from lamella.index import Contents, UnitKind
from lamella.layers.media_types import COMPRESSED_LAYERS
from lamella.maintenance.async_pace import AsyncPace
from lamella.maintenance.candidates import PAGE
from lamella.maintenance.pace import Pace, Stopped
from lamella.maintenance.tables import Tables
from lamella.registry.errors import ManifestInvalid
from lamella.registry.manifest import read_manifest
from lamella.store.small_blobs import read_blob
from lamella.store.uncounted import UncountedStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lamella.index import UnitRow
    from lamella.model import Descriptor, Digest
    from lamella.store.local import LocalStore

logger = logging.getLogger(__name__)

MOST_WAITING: Final = 10_000
"""Layers that wait to be looked into; of more the next search finds those that are left."""

SEARCH_SECONDS: Final = 3600.0
"""How often all manifests are read, for layers that nobody has looked into."""

AGAIN_SECONDS: Final = 60.0
"""When they are read again after more was found than may wait."""


class DiffIdFinder:
    """Runs in every serving process, in an event loop; layers are inflated in a thread, one at a time.

    What a manifest names that was just accepted is looked into at once. All manifests are read at the start, and now
    and then, so that a restart loses nothing. Nothing counts as used. A ``share`` of one core is taken at the most.
    """

    def __init__(self, store: LocalStore, share: float) -> None:
        self._store = store
        self._reader = UncountedStore(store)
        self._tables = Tables(store)
        self._contents = Contents(store.index)
        self._share = share
        self._waiting: dict[Digest, None] = {}
        self._due = time.monotonic()
        self._wake = asyncio.Event()

    def notice(self, blobs: Iterable[Descriptor]) -> None:
        """Look soon into those blobs that are compressed layers; called where a manifest was accepted."""
        for blob in blobs:
            if blob.media_type not in COMPRESSED_LAYERS or not self._is_new(blob.digest):
                continue
            if len(self._waiting) >= MOST_WAITING:
                self._due = min(self._due, time.monotonic() + AGAIN_SECONDS)
                return
            self._waiting[blob.digest] = None
            self._wake.set()

    async def run(self) -> None:
        """Go on until cancelled; a layer that is being inflated then is given up."""
        while True:
            if self._waiting:
                # The last one first: builders ask for what they pushed a moment ago.
                await self._examine(self._waiting.popitem()[0])
            elif time.monotonic() >= self._due:
                self._due = time.monotonic() + SEARCH_SECONDS
                await self._search()
            else:
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._due - time.monotonic())

    async def _examine(self, digest: Digest) -> None:
        if self._store.read_only is not None:
            return  # what a layer holds could not be written down
        pace = Pace(self._share)
        examining = asyncio.ensure_future(asyncio.to_thread(self._store.examiner.examine, digest, pace.pause))
        try:
            await asyncio.shield(examining)
        except (LamellaError, OSError):
            logger.exception("%s is not looked into now", digest)
        finally:
            pace.stop()
            await asyncio.wait([examining])
            if not examining.cancelled() and isinstance(examining.exception(), Stopped):
                logger.info("%s is looked into when the server runs again", digest)

    async def _search(self) -> None:
        """Let the layers of all manifests wait that nobody has looked into."""
        found: dict[Digest, Descriptor] = {}
        pace = AsyncPace(self._share)
        after: bytes | None = None
        while page := self._tables.units.page(UnitKind.MANIFEST, after, PAGE):
            for unit in page:
                found |= {blob.digest: blob for blob in await self._layers(unit)}
                await pace.pause()
            if len(found) > MOST_WAITING:
                break
            after = page[-1].key
        # In another order in each process, so that several seldom inflate the same one.
        self.notice(random.sample(list(found.values()), len(found)))

    async def _layers(self, unit: UnitRow) -> list[Descriptor]:
        record = self._tables.manifests.get(unit.space, unit.digest)
        if record is None:
            return []
        try:
            body = await read_blob(self._reader, record.digest)
            blobs = read_manifest(body, record.media_type, self._tables.sha512_names.find).references.blobs
        except (NotFound, Corrupted, Invalid, LimitExceeded, ManifestInvalid):
            return []
        return [blob for blob in blobs if blob.media_type in COMPRESSED_LAYERS and self._is_new(blob.digest)]

    def _is_new(self, digest: Digest) -> bool:
        """Tell whether there is something to learn of a stored blob: what it holds, or that this is a blob."""
        content = self._contents.get(digest)
        if content is None:
            record = self._store.blobs.get(digest)
            return record is not None and record.source is None
        return content.digest is not None and self._store.blobs.get(content.digest) is None
