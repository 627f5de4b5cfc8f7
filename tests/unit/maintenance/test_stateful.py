"""Random use of a store with its garbage collected in between: nothing dangles, no byte is wrong, no garbage stays.

The model knows what was written and what was removed on purpose. Whether a unit is kept is up to the collector; that it
is whole, or else gone, is not.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
from contextlib import aclosing, asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from lamella.errors import NotFound
from lamella.index import UnitKind
from lamella.maintenance.policy import GRACE
from lamella.maintenance.references import Broken, References
from lamella.maintenance.scrub import Scrub
from lamella.maintenance.sweep import Sweeper
from lamella.model import Digest
from lamella.registry.errors import ManifestBlobsUnknown, ManifestUnknown, RepositoryUnknown
from lamella.registry.names import Repository, Tag
from lamella.store.uncounted import UncountedStore
from tests.suites.blob_store import get
from tests.unit.maintenance.farm import DAY, SCOPE, Farm, read_action
from tests.unit.store.layers import layer
from tests.unit.store.recipes import put_as_recipe
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine

    from typing_extensions import Buffer

SIZES = (10, 5000, 60_000)
MEMORY = Path("/dev/shm")

STEPS = ("sweep", "_sweep_manifests", "_sweep_recipes", "_remove")
"""Methods of the sweeper before which something may happen."""

NUMBERS = range(4)
Thing = tuple[str, int, str]

TAGS = ("app:one", "app:two", "app", "app")
WAITS = (0.0, 60.0, GRACE + 1, GRACE + 1, 8 * DAY, 31 * DAY)
AGES = (None, 7 * DAY, 30 * DAY)
BUDGETS = (None, None, 0, 30_000, 90_000)

chances = st.integers(0, (1 << 32) - 1).map(random.Random)
"""What happens is drawn from a seed: hypothesis prefers little of everything, and here much has to come together."""


LAYERS = [layer(release, files=12) for release in NUMBERS]
"""Large enough to turn cold, and with much in common."""

HELD = [layer(release, files=36) for release in NUMBERS]
ZIPPED = [compressed(data, "go-1.26") for data in HELD]
"""Compressed layers that can turn cold, and what they hold."""

USES = (
    "blob",
    "cold",
    "cold",
    "pushed",
    "warm",
    "zipped",
    "zipped",
    "examined",
    "image_of_what_is_inflated",
    "step_of_what_is_inflated",
    "step",
    "step_of_what_is_there",
    "action",
    "image",
    "index_of_what_is_there",
    "hit",
    "pull",
    "lease",
)
"""Methods of the machine, without their underscore."""


def _things(chance: random.Random, least: int, most: int) -> list[Thing]:
    return [
        (chance.choice(USES), chance.choice(NUMBERS), chance.choice(TAGS)) for _ in range(chance.randint(least, most))
    ]


def _content(number: int) -> bytes:
    return bytes([number]) * SIZES[number % len(SIZES)]


class GarbageMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        # In memory where that can be: nobody cuts the power here, and there is much to sync.
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.loop = asyncio.new_event_loop()
        self.farm = Farm(self.folder / "store")
        self.bytes: dict[Digest, bytes] = {}
        self.pushed: list[Digest] = []
        self.steps: dict[int, Digest] = {}

    def teardown(self) -> None:
        self.farm.store.close()
        self.loop.close()
        shutil.rmtree(self.folder)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    async def content(self, number: int) -> Digest:
        data = _content(number)
        digest = await self.farm.blob(data)
        self.bytes[digest] = data
        return digest

    async def use(self, what: str, number: int, tag: str) -> None:
        """Do one of the things that refer to what may be about to go."""
        await getattr(self, f"_{what}")(number, tag)

    async def _blob(self, number: int, _: str) -> None:
        await self.content(number)

    async def _cold(self, number: int, _: str) -> None:
        """Store a layer that half of the time a step needs, and turn it cold."""
        digest = await self.farm.blob(LAYERS[number])
        self.bytes[digest] = LAYERS[number]
        if number % 2:
            self.steps[number] = await self.farm.step(f"step {number}", digest)
        await asyncio.to_thread(self.farm.store.compactor.compact, digest)

    async def _zipped(self, number: int, tag: str) -> None:
        """Store a compressed layer that half of the time an image needs, and turn it cold or not."""
        digest = await self.farm.blob(ZIPPED[number])
        self.bytes |= {digest: ZIPPED[number], Digest.of(HELD[number]): HELD[number]}
        if number % 2:
            await self.farm.image(tag, digest)
        if len(tag) % 3:
            await asyncio.to_thread(self.farm.store.compactor.compact, digest)

    async def _warm(self, number: int, tag: str) -> None:
        """Make a layer hot again, if it is cold; half of the time while somebody reads it, who gets all of it."""
        digest = Digest.of((LAYERS if len(tag) % 3 else ZIPPED)[number])
        reading = self._read_slowly(digest) if number % 2 else nullcontext()
        async with reading:
            await asyncio.to_thread(self.farm.store.warmer.warm, digest)

    @asynccontextmanager
    async def _read_slowly(self, digest: Digest) -> AsyncIterator[None]:
        async with aclosing(self.farm.store.open(digest, count=False)) as buffers:
            begun = [bytes(buffer) async for buffer in _first(buffers)]
            yield
            rest = [bytes(buffer) async for buffer in buffers] if begun else []
        assert not begun or Digest.of(b"".join(begun + rest)) == digest

    async def _examined(self, number: int, _: str) -> None:
        await asyncio.to_thread(self.farm.store.examiner.examine, Digest.of(ZIPPED[number]))

    async def _image_of_what_is_inflated(self, number: int, tag: str) -> None:
        with suppress(NotFound, ManifestBlobsUnknown):
            self.pushed.append(await self.farm.image(tag, Digest.of(HELD[number])))

    async def _step_of_what_is_inflated(self, number: int, _: str) -> None:
        with suppress(NotFound):
            self.steps[number] = await self.farm.step(f"step {number}", Digest.of(HELD[number]))

    async def _pushed(self, number: int, _: str) -> None:
        """Store a layer as its recipe and the chunks that are new."""
        digest = await put_as_recipe(self.farm.store, LAYERS[number], self.folder)
        self.bytes[digest] = LAYERS[number]
        if number % 2:
            self.steps[number] = await self.farm.step(f"step {number}", digest)

    async def _step(self, number: int, _: str) -> None:
        self.steps[number] = await self.farm.step(f"step {number}", await self.content(number))

    async def _step_of_what_is_there(self, number: int, _: str) -> None:
        with suppress(NotFound):
            self.steps[number] = await self.farm.step(f"step {number}", Digest.of(_content(number)))

    async def _action(self, number: int, _: str) -> None:
        await self.farm.action(f"action {number}", await self.content(number), await self.content(0))

    async def _image(self, number: int, tag: str) -> None:
        subject = self.pushed[-1] if self.pushed and number == 3 else None
        layers = [await self.content(number), await self.content(number + 1)]
        self.pushed.append(await self.farm.image(tag, *layers, subject=subject, cache=number == 1))

    async def _index_of_what_is_there(self, number: int, tag: str) -> None:
        children = [digest for digest in self.pushed if self.farm.has_manifest("app", digest)]
        if children:
            self.pushed.append(await self.farm.bundle(tag, *children[-number - 1 :]))

    async def _hit(self, number: int, _: str) -> None:
        if number in self.steps and self.farm.has_step(self.steps[number]):
            self.farm.tables.steps.note_use(SCOPE, self.steps[number])

    async def _pull(self, _: int, tag: str) -> None:
        with suppress(ManifestUnknown, RepositoryUnknown):
            await self.farm.pull(tag if ":" in tag else "app:one")

    async def _lease(self, number: int, _: str) -> None:
        await self.farm.store.leases.acquire("model", [await self.content(number)], GRACE)

    @rule(chance=chances)
    def use_it(self, chance: random.Random) -> None:
        for thing in _things(chance, 1, 8):
            self.run(self.use(*thing))

    @rule(chance=chances)
    def delete(self, chance: random.Random) -> None:
        with suppress(ManifestUnknown, RepositoryUnknown):
            self.run(self.farm.registry.manifests.delete(Repository("app"), Tag(chance.choice(["one", "two"]))))

    @rule(chance=chances)
    def collect(self, chance: random.Random) -> None:
        self.farm.now += chance.choice(WAITS)
        with _Interrupted(self, {step: _things(chance, 0, 3) for step in STEPS}):
            self.run(self.farm.collect(max_age=chance.choice(AGES), budget=chance.choice(BUDGETS)))
        self.run(self._nothing_dangles())
        self.run(self._no_byte_is_wrong())

    @rule(chance=chances)
    def scrub(self, chance: random.Random) -> None:
        """A scrub finds no damage, whatever happens beside it."""
        scrub = Scrub(self.farm.store)

        async def beside() -> bool:
            running = asyncio.create_task(asyncio.to_thread(scrub.run))
            for thing in _things(chance, 0, 6):
                await self.use(*thing)
            await self.farm.collect(max_age=chance.choice(AGES))
            return await running

        assert self.run(beside())
        assert scrub.report.findings == []

    @rule()
    def crash(self) -> None:
        self.run(self.farm.settle())
        self.farm.store.close()
        self.farm.open()

    @rule()
    def collect_all(self) -> None:
        """What nobody used for long goes within two collections, and takes every blob along.

        Before, the recipes go of blobs that became hot while somebody read by them.
        """
        self.farm.store.leftovers.remove()
        self.farm.now += 400 * DAY
        for _ in range(2):
            self.run(self.farm.collect(max_age=7 * DAY))
        assert self.farm.store.blobs.count() == 0
        assert self.farm.tables.manifests.repositories("", 1) == []
        assert all(self.farm.tables.units.page(kind, None, 1) == [] for kind in UnitKind)
        for name in ("blobs", "recipes", "packs"):
            assert not [path for path in (self.farm.folder / name).rglob("*") if path.is_file()]

    async def _nothing_dangles(self) -> None:
        farm, store = self.farm, UncountedStore(self.farm.store)
        references = References(store, farm.tables, read_action)
        for kind in UnitKind:
            for unit in farm.tables.units.page(kind, None, 1000):
                try:
                    needs = await references.of(unit)
                except Broken as error:
                    raise AssertionError(f"{unit}: {error}") from None
                assert not await store.missing(needs.blobs), unit
                await self._children_are_there(unit.space, needs.manifests)

    async def _children_are_there(self, repository: str, manifests: set[bytes]) -> None:
        for row in manifests:
            body = await get(UncountedStore(self.farm.store), Digest(row[-32:]))
            for child in _children(body):
                assert self.farm.has_manifest(repository, child)

    async def _no_byte_is_wrong(self) -> None:
        for record in self.farm.store.blobs.page(None, 1000):
            data = await get(UncountedStore(self.farm.store), record.digest)
            assert Digest.of(data) == record.digest
            assert data == self.bytes.get(record.digest, data)


async def _first(buffers: AsyncGenerator[Buffer, None]) -> AsyncIterator[Buffer]:
    """Yield the first buffer of a blob that may be gone."""
    with suppress(NotFound, StopAsyncIteration):
        yield await anext(buffers)


def _children(body: bytes) -> list[Digest]:
    return [Digest.parse(child["digest"]) for child in json.loads(body).get("manifests", ())]


class _Interrupted:
    """Lets things happen before steps of a sweep."""

    def __init__(self, machine: GarbageMachine, meanwhile: dict[str, list[Thing]]) -> None:
        self._machine = machine
        self._meanwhile = meanwhile
        self._originals: dict[str, Callable[..., Awaitable[None]]] = {}

    def __enter__(self) -> None:
        for name in STEPS:
            original = self._originals[name] = getattr(Sweeper, name)

            async def step(
                sweeper: Sweeper,
                *arguments: Any,
                original: Callable[..., Awaitable[None]] = original,
                things: list[Thing] = self._meanwhile[name],
            ) -> None:
                for thing in things:
                    await self._machine.use(*thing)
                await self._machine.farm.settle()
                await original(sweeper, *arguments)

            setattr(Sweeper, name, step)

    def __exit__(self, *_: object) -> None:
        for name, original in self._originals.items():
            setattr(Sweeper, name, original)


GarbageMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=15, deadline=None)
TestGarbage = GarbageMachine.TestCase


@pytest.mark.parametrize("seed", range(6))
def test_long_use(seed: int) -> None:
    """Hypothesis finds short failures; this reaches states that take many steps."""
    machine, chance = GarbageMachine(), random.Random(seed)
    try:
        for _ in range(40):
            machine.use_it(chance)
            chance.choice([machine.collect, machine.collect, machine.collect, machine.delete, machine.scrub])(chance)
        machine.crash()
        machine.collect_all()
    finally:
        machine.teardown()
