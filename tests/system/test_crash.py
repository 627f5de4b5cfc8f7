"""A store keeps its word when its processes are killed at any moment."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import signal
import time
from typing import TYPE_CHECKING, TypeAlias

import pytest

from lamella.model import Digest
from lamella.store import LocalStore, reindex
from tests.suites.blob_store import get, listed
from tests.system.builder import build_until_killed, dangling
from tests.system.compacter import compact_until_killed
from tests.system.maintainer import maintain_until_killed
from tests.system.uploader import DELETING, STORED, upload_until_killed

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

Target: TypeAlias = "Callable[[Path, int, Connection], None]"

LONGEST_LIFE = 0.15
"""Seconds that a process goes on after its first acknowledgement."""

LONGEST_COLLECTION = 0.5
"""The same of one that collects garbage all the time: as long as that takes."""

# Processes forked from one that has everything imported, and no store open, start within milliseconds.
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    ["tests.system.uploader", "tests.system.compacter", "tests.system.maintainer", "tests.system.builder"]
)


TARGETS = [upload_until_killed, compact_until_killed, maintain_until_killed, build_until_killed]


class Crashes:
    """A store whose processes are killed again and again, and what they were told."""

    def __init__(self, folder: Path, seed: int, target: Target) -> None:
        self.folder = folder
        self.target = target
        self.longest_life = LONGEST_COLLECTION if target is build_until_killed else LONGEST_LIFE
        self.chance = random.Random(seed)
        self.stored: set[Digest] = set()
        self.deleting: set[Digest] = set()
        self.verified: set[Digest] = set()

    def round(self) -> None:
        """Let two processes upload; kill one, see that the other goes on, and kill it too."""
        running = [self._start(), self._start()]
        try:
            for process, pipe in running:
                self._receive_one(pipe)
                time.sleep(self.chance.uniform(0, self.longest_life))
                process.kill()
                self._receive_rest(pipe)
                process.join()
                assert process.exitcode == -signal.SIGKILL, "a process ended by itself"
        finally:
            for process, _ in running:
                process.kill()
                process.join()

    def check(self) -> None:
        """Restart on the folder: what was acknowledged is there, everything that is there is whole."""
        asyncio.run(self._check())

    async def _check(self) -> None:
        async with LocalStore(self.folder) as store:
            assert list((self.folder / "temporary").iterdir()) == []
            assert list((self.folder / "uploads").iterdir()) == []
            assert list((self.folder / "quarantine").iterdir()) == []
            store.leftovers.remove(pack_age=-1)
            assert await store.missing(self.stored - self.deleting) == set()
            assert await dangling(store) == []
            present = {digest for digest, _ in await listed(store)}
            for digest in present - self.verified:
                data = await get(store, digest)
                assert Digest.of(data) == digest
                assert (await store.stat(digest)).size == len(data)
            self.verified = present

    def _start(self) -> tuple[ForkServerProcess, Connection]:
        here, there = _forks.Pipe(duplex=False)
        arguments = (self.folder, self.chance.getrandbits(32), there)
        process = _forks.Process(target=self.target, args=arguments, daemon=True)
        process.start()
        there.close()
        return process, here

    def _receive_one(self, pipe: Connection) -> None:
        assert pipe.poll(60), "a process makes no progress"
        self._note(pipe.recv_bytes())

    def _receive_rest(self, pipe: Connection) -> None:
        with pipe:
            try:
                while True:
                    self._note(pipe.recv_bytes())
            except EOFError:
                return

    def _note(self, message: bytes) -> None:
        kind, digest = message[:1], Digest(message[1:])
        assert kind in (STORED, DELETING)
        (self.stored if kind == STORED else self.deleting).add(digest)


def crash(folder: Path, rounds: int, target: Target) -> None:
    crashes = Crashes(folder, rounds, target)
    for _ in range(rounds):
        crashes.round()
        crashes.check()
    assert crashes.stored
    crashes.verified.clear()
    crashes.check()

    report = reindex(folder)
    assert (report.lost, report.quarantined, report.index_damage) == (0, 0, None)
    # Of blobs that are deleted, or garbage, a pack may still have the bytes.
    assert report.adopted == 0 or target in (maintain_until_killed, build_until_killed)
    crashes.check()


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_acknowledged_survives_ten_rounds_of_kills(tmp_path: Path, target: Target) -> None:
    crash(tmp_path / "store", 10, target)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_what_was_acknowledged_survives_a_hundred_rounds_of_kills(tmp_path: Path, target: Target) -> None:
    crash(tmp_path / "store", 100, target)
