"""Compressed and plain layers pushed, looked into, cold, hot again and deleted in any order, against a dictionary."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lamella.errors import Leased, NotFound
from lamella.model import Digest
from lamella.store import LocalStore, reindex
from lamella.store.compactor import LEAST_SIZE
from lamella.wire.zstd import zstd
from tests.suites.blob_store import get, listed, put
from tests.unit.store.layers import layer
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from lamella.index import Lease

MEMORY = Path("/dev/shm")

TARS = [layer(release, files=36) for release in range(2)]
HOLDS = {
    form: tar for tar in TARS for form in (compressed(tar, "go-1.26"), gzip.compress(tar, mtime=0), zstd.compress(tar))
}
"""Compressed layers, and what they hold; those that come first can turn cold."""

assert all(len(form) >= LEAST_SIZE for form in HOLDS), "they do not turn cold"

ALL = [*TARS, *HOLDS]
BYTES = {Digest.of(data): data for data in ALL}
CONTENT = {Digest.of(form): Digest.of(tar) for form, tar in HOLDS.items()}

blobs = st.sampled_from(list(BYTES))
sources = st.sampled_from(list(CONTENT))


class InflatedMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.loop = asyncio.new_event_loop()
        self.store = LocalStore(self.folder)
        self.model: dict[Digest, Digest | None] = {}
        """What is there, and what that is inflated from, or None where it is stored."""
        self.leases: list[Lease] = []

    def teardown(self) -> None:
        self.store.close()
        self.loop.close()
        shutil.rmtree(self.folder)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def learn(self, source: Digest) -> bool:
        if source not in self.model or CONTENT[source] in self.model:
            return False
        self.model[CONTENT[source]] = source
        return True

    def with_it(self, digest: Digest) -> set[Digest]:
        return {digest} | {other for other, source in self.model.items() if source == digest}

    @rule(digest=blobs)
    def push(self, digest: Digest) -> None:
        assert self.run(put(self.store, BYTES[digest])) == digest
        self.model.setdefault(digest, None)

    @rule(digest=blobs)
    def examine(self, digest: Digest) -> None:
        learnt = self.store.examiner.examine(digest)
        assert learnt == (digest in CONTENT and self.learn(digest))

    @rule(digest=blobs)
    def compact(self, digest: Digest) -> None:
        outcome = self.store.compactor.compact(digest)
        if outcome is not None and outcome.kept is None and digest in CONTENT:
            self.learn(digest)

    @rule(digest=blobs)
    def warm(self, digest: Digest) -> None:
        self.store.warmer.warm(digest)

    @rule(digest=blobs)
    def delete(self, digest: Digest) -> None:
        leased = {digest for lease in self.leases for digest in lease.digests}
        try:
            deleted = self.run(self.store.delete(digest))
        except Leased:
            assert leased & self.with_it(digest)
            return
        assert deleted == (digest in self.model)
        if deleted:
            assert not leased & self.with_it(digest)
            for gone in self.with_it(digest):
                del self.model[gone]

    @rule(digest=blobs)
    def lease(self, digest: Digest) -> None:
        with suppress(NotFound):
            self.leases.append(self.run(self.store.leases.acquire("test", [digest], 3600)))
            assert digest in self.model

    @rule()
    def release(self) -> None:
        while self.leases:
            assert self.run(self.store.leases.release(self.leases.pop().id))

    @rule(digest=sources)
    def damage(self, digest: Digest) -> None:
        """Find out that a blob is damaged, leased or not."""
        if self.model.get(digest, digest) is None:
            assert self.store.condemn(digest, "it was said so")
            for gone in self.with_it(digest):
                del self.model[gone]

    @rule(rebuild=st.booleans())
    def restart(self, rebuild: bool) -> None:
        self.store.close()
        if rebuild:
            report = reindex(self.folder)
            assert (report.adopted, report.lost, report.quarantined) == (0, 0, 0)
        self.store = LocalStore(self.folder)

    @invariant()
    def is_what_the_model_has(self) -> None:
        found = self.store.blobs.get_many(BYTES)
        assert {digest: record.source for digest, record in found.items()} == self.model
        assert set(self.model) <= {digest for digest, _ in self.run(listed(self.store))}

    @rule(digest=blobs, offset=st.integers(0, 300_000), length=st.none() | st.integers(0, 300_000))
    def read(self, digest: Digest, offset: int, length: int | None) -> None:
        if digest not in self.model:
            return
        offset = min(offset, len(BYTES[digest]))
        assert self.run(get(self.store, digest, offset, length)) == BYTES[digest][offset:][:length]

    @rule()
    def read_all(self) -> None:
        for digest in self.model:
            assert self.run(get(self.store, digest)) == BYTES[digest]


InflatedMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestInflated = InflatedMachine.TestCase
