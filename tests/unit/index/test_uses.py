from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lamella.index import (
    Actions,
    Blobs,
    CacheExports,
    HiddenBlobs,
    Index,
    ManifestRecord,
    ManifestTable,
    References,
    StepRecord,
    Steps,
    TagTable,
    UnitKind,
    Uses,
)
from lamella.index.keys import scoped_key, tag_key
from lamella.index.uses import UNIT_RESOLUTION
from lamella.model import EMPTY, Descriptor, Digest
from tests.unit.index.test_tables import STEP, A, B, C, add, result

if TYPE_CHECKING:
    from tests.unit.index.conftest import Clock

SCOPE = "t/p@main"


@pytest.fixture
def uses(index: Index, clock: Clock) -> Uses:
    return Uses(index, clock)


@pytest.fixture
def table(index: Index, blobs: Blobs) -> ManifestTable:
    return ManifestTable(index, blobs, HiddenBlobs(index), TagTable(index), CacheExports(index))


def used(index: Index, uses: Uses, kind: UnitKind, row: bytes) -> int | None:
    with index.read() as txn:
        return uses.find(txn, kind, row)


async def settled(index: Index) -> None:
    await index.write(lambda _: None)


async def test_a_use_is_noted_seldom_and_only_of_what_is_there(index: Index, uses: Uses, clock: Clock) -> None:
    uses.note(UnitKind.STEP, b"row")
    await settled(index)
    assert used(index, uses, UnitKind.STEP, b"row") is None
    await index.write(lambda txn: uses.use(txn, UnitKind.STEP, b"row"))
    first = clock.now
    clock.now += UNIT_RESOLUTION - 1
    uses.note(UnitKind.STEP, b"row")
    await settled(index)
    assert used(index, uses, UnitKind.STEP, b"row") == first
    clock.now += 1
    uses.note(UnitKind.STEP, b"row")
    await settled(index)
    assert used(index, uses, UnitKind.STEP, b"row") == clock.now
    assert used(index, uses, UnitKind.TAG, b"row") is None


async def test_committing_a_step_uses_the_result_that_stays_and_its_layer(
    index: Index, blobs: Blobs, uses: Uses, clock: Clock
) -> None:
    steps, row = Steps(index, blobs), scoped_key(SCOPE, A)
    await add(index, blobs, B, C)
    for layer in (B, C):
        clock.now += 10
        await steps.put_if_absent(SCOPE, A, StepRecord(STEP, result(layer)))
        assert used(index, uses, UnitKind.STEP, row) == clock.now
        assert blobs.get_many([B])[B].used == clock.now
    assert blobs.get_many([C])[C].used < clock.now


async def test_an_action_result_uses_what_it_names_and_is_refused_without(
    index: Index, blobs: Blobs, uses: Uses, clock: Clock
) -> None:
    actions, row = Actions(index, blobs), scoped_key(SCOPE, A)
    await add(index, blobs, B)
    clock.now += 10
    assert await actions.put(SCOPE, A, b"result", [B, C, EMPTY]) == {C}
    assert actions.get(SCOPE, A) is None
    assert await actions.put(SCOPE, A, b"result", [B, EMPTY]) == set()
    assert used(index, uses, UnitKind.ACTION, row) == blobs.get_many([B])[B].used == clock.now


async def test_a_manifest_uses_its_tag_children_and_blobs(
    index: Index, blobs: Blobs, table: ManifestTable, uses: Uses, clock: Clock
) -> None:
    await add(index, blobs, A, B, C)
    await table.put("app", ManifestRecord(A, 1, "child"), References())
    clock.now += 10
    references = References([Descriptor(B, 1, "layer")], [Descriptor(A, 1, "child")])
    assert not await table.put("app", ManifestRecord(C, 1, "index"), references, ["latest"])
    rows = [(UnitKind.MANIFEST, scoped_key("app", digest)) for digest in (A, C)]
    rows.append((UnitKind.TAG, tag_key("app", "latest")))
    assert {used(index, uses, *row) for row in rows} == {clock.now}
    assert {record.used for record in blobs.get_many([B, C]).values()} == {clock.now}
    clock.now += UNIT_RESOLUTION
    table.note_use("app", C, "latest")
    await settled(index)
    assert [used(index, uses, *row) == clock.now for row in rows] == [False, True, True]
    await table.remove("app", C)
    assert [used(index, uses, *row) is None for row in rows] == [False, True, True]


async def test_what_somebody_pushed_is_no_merge_whatever_came_before_or_after(
    index: Index, blobs: Blobs, table: ManifestTable
) -> None:
    async def merges(*pushes: bool) -> bool:
        digest = Digest.of(repr(pushes).encode())
        await add(index, blobs, digest)
        for merge in pushes:
            await table.put("app", ManifestRecord(digest, 1, "type", merge=merge), References())
        record = table.get("app", digest)
        assert record is not None
        return record.merge

    assert await merges(True)
    assert await merges(True, True)
    assert not await merges(True, False)
    assert not await merges(False, True)
