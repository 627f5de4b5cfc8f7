"""Random sequences of operations on a local store, against a dictionary."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lamella.errors import DigestMismatch, Leased, NotFound
from lamella.index import INLINE_MAX, Lease
from lamella.model import Digest
from lamella.store import BUFFER_SIZE, LocalStore, reindex
from tests.suites.blob_store import content, get, listed, put

SIZES = (1, 10, INLINE_MAX, INLINE_MAX + 1, 20_000, BUFFER_SIZE + 1)
blobs = st.builds(content, st.sampled_from(SIZES), st.integers(0, 1))


class LocalStoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.store = LocalStore(self.folder)
        self.model: dict[Digest, bytes] = {}
        self.leases: list[Lease] = []
        self.uploads: dict[str, bytes] = {}

    def teardown(self) -> None:
        self.store.close()
        self.loop.close()
        shutil.rmtree(self.folder)

    @property
    def leased(self) -> set[Digest]:
        return {digest for lease in self.leases for digest in lease.digests}

    @initialize()
    def begin_empty(self) -> None:
        assert self.loop.run_until_complete(listed(self.store)) == []

    @rule(data=blobs, parts=st.integers(1, 3), announce=st.booleans())
    def commit(self, data: bytes, parts: int, announce: bool) -> None:
        size = -(-len(data) // parts)
        buffers = [data[start : start + size] for start in range(0, len(data), size)]
        expected = Digest.of(data) if announce else None
        digest = self.loop.run_until_complete(put(self.store, *buffers, expected=expected))
        assert digest == Digest.of(data)
        self.model[digest] = data

    @rule(data=blobs)
    def commit_as_another(self, data: bytes) -> None:
        with suppress(DigestMismatch):
            self.loop.run_until_complete(put(self.store, data, expected=Digest.of(b"another")))
            raise AssertionError("stored under another digest")

    @rule(data=blobs)
    def abandon(self, data: bytes) -> None:
        async def abandon() -> None:
            async with self.store.writer() as writer:
                await writer.write(data)

        self.loop.run_until_complete(abandon())

    @rule(data=blobs)
    def delete(self, data: bytes) -> None:
        digest = Digest.of(data)
        try:
            deleted = self.loop.run_until_complete(self.store.delete(digest))
        except Leased:
            assert digest in self.leased
        else:
            assert digest not in self.leased
            assert deleted == (self.model.pop(digest, None) is not None)

    @rule(data=blobs)
    def lease(self, data: bytes) -> None:
        digest = Digest.of(data)
        try:
            lease = self.loop.run_until_complete(self.store.leases.acquire("test", [digest], 3600))
        except NotFound:
            assert digest not in self.model
        else:
            self.leases.append(lease)

    @rule()
    def release(self) -> None:
        while self.leases:
            assert self.loop.run_until_complete(self.store.leases.release(self.leases.pop().id))

    @rule(data=blobs, start=st.integers(0, 25_000), length=st.none() | st.integers(0, 25_000))
    def read(self, data: bytes, start: int, length: int | None) -> None:
        start = min(start, len(data))
        try:
            part = self.loop.run_until_complete(get(self.store, Digest.of(data), start, length))
        except NotFound:
            assert Digest.of(data) not in self.model
        else:
            assert Digest.of(data) in self.model
            assert part == data[start:][:length]

    @rule(name=st.sampled_from(["one", "two"]), data=blobs, commit=st.booleans())
    def upload(self, name: str, data: bytes, commit: bool) -> None:
        before = self.uploads.pop(name, b"")

        async def upload() -> None:
            async with self.store.uploads.open(name) as upload:
                assert upload.size == len(before)
                await upload.write(data)
                if commit:
                    assert await upload.commit() == Digest.of(before + data)

        self.loop.run_until_complete(upload())
        if commit:
            self.model[Digest.of(before + data)] = before + data
        else:
            self.uploads[name] = before + data

    @rule(rebuild=st.booleans())
    def restart(self, rebuild: bool) -> None:
        self.store.close()
        if rebuild:
            report = reindex(self.folder)
            assert report.files + report.inline == len(self.model)
            assert (report.adopted, report.lost, report.quarantined) == (0, 0, 0)
        self.store = LocalStore(self.folder)
        self.uploads.clear()

    @invariant()
    def lists_what_the_model_has(self) -> None:
        expected = sorted((digest, len(data)) for digest, data in self.model.items())
        assert self.loop.run_until_complete(listed(self.store)) == expected
        assert self.loop.run_until_complete(self.store.missing(self.model)) == set()

    @invariant()
    def leaves_no_files_behind(self) -> None:
        assert list((self.folder / "temporary").iterdir()) == []
        files = {path.name for path in (self.folder / "blobs").rglob("*") if path.is_file()}
        assert files <= {digest.hex for digest in self.model}


LocalStoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestLocalStoreMachine = LocalStoreMachine.TestCase
