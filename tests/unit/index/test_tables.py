from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from lamella.errors import Invalid, NotFound
from lamella.index import (
    USED_RESOLUTION,
    Actions,
    BlobRecord,
    Blobs,
    CounterKey,
    Counters,
    CounterTable,
    Index,
    LayerRecord,
    Layers,
    Leases,
    Place,
    StepRecord,
    Steps,
)
from lamella.index.blobs import FINE_LEAST
from lamella.model import (
    MEDIA_TYPE_LAYER,
    Descriptor,
    Digest,
    ExecutionContext,
    Form,
    Heredoc,
    Input,
    Instruction,
    Layer,
    Platform,
    Step,
    StepResult,
)

if TYPE_CHECKING:
    from tests.unit.index.conftest import Clock

A, B, C = (Digest.of(name) for name in (b"a", b"b", b"c"))


async def add(index: Index, blobs: Blobs, *digests: Digest) -> None:
    for digest in digests:
        await index.write(lambda txn, digest=digest: blobs.put(txn, digest, 1))  # type: ignore[misc]


async def test_blob_records_keep_size_place_and_time(index: Index, blobs: Blobs, clock: Clock) -> None:
    await index.write(lambda txn: blobs.put(txn, A, 3, b"abc"))
    await index.write(lambda txn: blobs.put(txn, B, 1 << 40))
    record, data = blobs.read(A) or pytest.fail("lost")
    assert (record.size, record.place, record.used, data) == (3, Place.INLINE, clock.now, b"abc")
    record, data = blobs.read(B) or pytest.fail("lost")
    assert (record.size, record.place, data) == (1 << 40, Place.FILE, None)
    assert blobs.read(C) is None
    assert blobs.get_many([A, C]).keys() == {A}
    assert blobs.count() == 2


async def test_blob_pages_follow_each_other_in_the_order_of_digests(index: Index, blobs: Blobs) -> None:
    digests = sorted(Digest.of(b"%d" % n) for n in range(25))
    await add(index, blobs, *digests)
    seen: list[Digest] = []
    while page := blobs.page(seen[-1] if seen else None, 10):
        assert len(page) <= 10
        seen += [record.digest for record in page]
    assert seen == digests


async def test_a_blob_is_stale_only_after_the_resolution(index: Index, blobs: Blobs, clock: Clock) -> None:
    await add(index, blobs, A)
    clock.now += USED_RESOLUTION - 1
    assert not blobs.is_stale(blobs.get_many([A])[A])
    clock.now += 1
    assert blobs.is_stale(blobs.get_many([A])[A])
    assert await blobs.touch([A, B]) == {B}
    assert blobs.get_many([A])[A].used == clock.now


async def test_large_hot_blobs_are_stale_as_soon_as_is_asked_for(index: Index, clock: Clock) -> None:
    blobs = Blobs(index, clock, 900)
    await index.write(lambda txn: blobs.put(txn, A, FINE_LEAST))
    await index.write(lambda txn: blobs.put(txn, B, FINE_LEAST - 1))
    cold = BlobRecord(C, FINE_LEAST, Place.RECIPE, blobs.now(), 100)
    clock.now += 899
    assert not any(map(blobs.is_stale, [*blobs.get_many([A, B]).values(), cold]))
    clock.now += 1
    assert list(map(blobs.is_stale, [*blobs.get_many([A, B]).values(), cold])) == [True, False, False]


async def test_touching_and_removing_keep_or_drop_inline_bytes(index: Index, blobs: Blobs) -> None:
    await index.write(lambda txn: blobs.put(txn, A, 3, b"abc"))
    await blobs.touch([A])
    assert (blobs.read(A) or pytest.fail("lost"))[1] == b"abc"
    removed = await index.write(lambda txn: blobs.remove(txn, A))
    assert removed is not None
    assert removed.place is Place.INLINE
    assert blobs.read(A) is None
    assert await index.write(lambda txn: blobs.remove(txn, A)) is None
    with index.read() as txn:
        assert index.table("inline").count(txn) == 0


async def test_a_lease_covers_its_blobs_until_it_expires(index: Index, blobs: Blobs, clock: Clock) -> None:
    leases = Leases(index, blobs, clock)
    await add(index, blobs, A, B, C)
    lease = await leases.acquire("builder", [A, B], 60)
    assert lease.expires == clock.now + 60
    assert leases.get(lease.id) == lease
    with index.read() as txn:
        assert [leases.cover(txn, digest) for digest in (A, B, C)] == [True, True, False]
    clock.now += 60
    assert leases.get(lease.id) is None
    assert await leases.renew(lease.id, 60) is None
    with index.read() as txn:
        assert not leases.cover(txn, A)


async def test_a_lease_is_renewed_and_released(index: Index, blobs: Blobs, clock: Clock) -> None:
    leases = Leases(index, blobs, clock)
    await add(index, blobs, A)
    lease = await leases.acquire("one", [A], 60)
    other = await leases.acquire("two", [A], 10)
    clock.now += 50
    renewed = await leases.renew(lease.id, 60)
    assert renewed is not None
    assert renewed.expires == clock.now + 60
    assert await leases.sweep() == 1
    assert leases.get(other.id) is None
    with index.read() as txn:
        assert leases.cover(txn, A)
    assert await leases.release(lease.id)
    assert not await leases.release(lease.id)
    with index.read() as txn:
        assert not leases.cover(txn, A)
        assert index.table("leased").count(txn) == 0


async def test_a_lease_on_an_absent_blob_claims_nothing(index: Index, blobs: Blobs) -> None:
    leases = Leases(index, blobs)
    await add(index, blobs, A)
    with pytest.raises(NotFound) as caught:
        await leases.acquire("builder", [A, B], 60)
    assert caught.value.digest == B
    with index.read() as txn:
        assert not leases.cover(txn, A)


async def test_what_a_layer_holds_is_known_until_it_is_removed(index: Index) -> None:
    layers = Layers(index)
    record = LayerRecord(C, 1 << 33)
    await layers.put(A, record)
    await layers.put(B, record)
    await index.write(lambda txn: layers.remove(txn, A))
    assert layers.get(A) is None
    assert layers.get(B) == record


STEP = Step(
    Platform("linux", "arm64", "v8"),
    A,
    ExecutionContext((("PATH", "/bin"),), "app", "/srv", ("/bin/bash", "-c")),
    Instruction("RUN", ("make é",), (("network", "none"),), Form.EXEC, (Heredoc("EOF", "x\n"),)),
    (Input("arg", "VERSION", "1"), Input("mount", "/c", "cache")),
)


def result(layer: Digest | None, builder: str = "one") -> StepResult:
    stored = None if layer is None else Layer(Descriptor(layer, 1, MEDIA_TYPE_LAYER), C)
    return StepResult(stored, '{"User":"app"}', 1.5, builder, 1e9)


async def test_step_records_come_back_whole(index: Index, blobs: Blobs) -> None:
    steps = Steps(index, blobs)
    await add(index, blobs, B)
    record = StepRecord(STEP, result(B))
    assert await steps.put_if_absent("default/default@main", A, record) == (record, True)
    assert steps.get("default/default@main", A) == record
    assert steps.get("default/default@other", A) is None
    assert steps.get("default/default@main", B) is None


async def test_the_first_result_of_a_key_stays(index: Index, blobs: Blobs) -> None:
    steps = Steps(index, blobs)
    records = [StepRecord(STEP, result(None, f"builder-{n}")) for n in range(8)]
    answers = await asyncio.gather(*(steps.put_if_absent("t/p@main", A, record) for record in records))
    assert [created for _, created in answers].count(True) == 1
    assert {answer.result.builder for answer, _ in answers} == {"builder-0"}


async def test_a_result_without_its_layer_is_refused_and_gives_way(index: Index, blobs: Blobs) -> None:
    steps = Steps(index, blobs)
    with pytest.raises(NotFound) as caught:
        await steps.put_if_absent("t/p@main", A, StepRecord(STEP, result(B)))
    assert caught.value.digest == B
    await add(index, blobs, B)
    await steps.put_if_absent("t/p@main", A, StepRecord(STEP, result(B)))
    await index.write(lambda txn: blobs.remove(txn, B))
    assert steps.get("t/p@main", A) is None
    later = StepRecord(STEP, result(None, "later"))
    assert await steps.put_if_absent("t/p@main", A, later) == (later, True)


async def test_action_results_are_replaced_and_kept_apart_by_scope(index: Index, blobs: Blobs) -> None:
    actions = Actions(index, blobs)
    await actions.put("t/p@main", A, b"1", [])
    await actions.put("t/p@main", A, b"2", [])
    assert actions.get("t/p@main", A) == b"2"
    assert actions.get("t/p@mai", A) is None


@pytest.mark.parametrize("scope", ["a\0b", "x" * 500])
async def test_a_scope_that_fits_no_key_is_refused(index: Index, blobs: Blobs, scope: str) -> None:
    with pytest.raises(Invalid, match="scope"):
        Actions(index, blobs).get(scope, A)


async def test_counters_add_up(index: Index) -> None:
    table = CounterTable(index)
    one = CounterKey("2030-01-01", "t/p", "builder", "RUN")
    two = CounterKey("2030-01-02", "t/p", "builder", "COPY")
    await asyncio.gather(*(table.add({one: Counters(lookups=1, saved_ms=5)}) for _ in range(20)))
    await table.add({one: Counters(hits=3), two: Counters(bytes_in=1 << 50)})
    assert list(table.scan()) == [(one, Counters(lookups=20, hits=3, saved_ms=100)), (two, Counters(bytes_in=1 << 50))]
    assert [key for key, _ in table.scan(since="2030-01-02")] == [two]


async def test_counters_are_scanned_over_many_transactions(index: Index) -> None:
    table = CounterTable(index)
    keys = [CounterKey("2030-01-01", "t/p", f"builder-{n:05}") for n in range(2500)]
    await table.add({key: Counters(hits=1) for key in keys})
    assert [key for key, _ in table.scan()] == keys


@pytest.mark.parametrize(("field", "value"), [("project", "a\0b"), ("builder", "b" * 600)])
def test_a_counter_key_that_fits_no_table_is_refused_by_field(field: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        CounterKey("2030-01-01", **{field: value})
    assert caught.value.field == field
