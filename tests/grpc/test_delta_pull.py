"""Blobs that are fetched as a recipe and the chunks that the client lacks."""

from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING

import grpc
import pytest

from lamella._proto.lamella.v1 import delta_pb2 as pb
from lamella.index import Place
from lamella.model import Digest
from lamella.server.grpc import delta
from lamella.server.grpc import upload as upload_module
from tests.grpc.calls import eventually, open_files, place_of, refused, upload
from tests.grpc.deltas import CHANGED, NEW, OLD, Cut, Pull, edited, pull, push, wanted_of
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.grpc.conftest import Server


def open_recipes(server: Server) -> list[str]:
    return open_files(server, "recipes")


async def fetched(call: Pull) -> list[pb.ChunkFrame]:
    """Ask for all chunks of a blob."""
    recipe = await call.begin()
    await call.ask(wanted_of(recipe, range(len(recipe.distinct()))))
    return await call.rest()


@pytest.mark.parametrize("cold", [False, True], ids=["hot", "cold"])
async def test_a_blob_of_which_the_client_has_nothing(channel: grpc.aio.Channel, server: Server, *, cold: bool) -> None:
    await upload(channel, NEW)
    if cold:
        server.store.compactor.compact(Digest.of(NEW))
    pulled = await pull(channel, NEW)
    assert pulled.data == NEW
    assert not pulled.used_base
    assert place_of(server, NEW) is Place.RECIPE


@pytest.mark.parametrize("kind", ["hot", "cold", "inflated", "encoded", "absent"])
async def test_new_chunks_come_against_a_base(
    channel: grpc.aio.Channel, server: Server, old: Cut, tmp_path: Path, kind: str
) -> None:
    new = edited(OLD)
    await upload(channel, new)
    stored = compressed(OLD, "zlib-1.3") if kind in {"inflated", "encoded"} else OLD
    if kind != "absent":
        await upload(channel, stored)
    if kind not in {"hot", "absent"}:
        server.store.compactor.compact(Digest.of(stored))
    base = Cut.of(stored, tmp_path) if kind == "encoded" else old
    pulled = await pull(channel, new, base)
    assert pulled.data == new
    usable = kind in {"hot", "cold", "inflated"}
    assert pulled.used_base is usable
    assert (pulled.received < 0.2 * CHANGED) is usable


async def test_a_client_that_has_everything_gets_nothing(channel: grpc.aio.Channel, old: Cut) -> None:
    await push(channel, old)
    pulled = await pull(channel, OLD, old)
    assert (pulled.data, pulled.received) == (OLD, 0)


async def test_what_is_pulled_counts_as_used_and_its_chunks_as_sent(
    channel: grpc.aio.Channel, server: Server, old: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push(channel, old)
    later = server.store.blobs.clock() + 100_000
    monkeypatch.setattr(server.store.blobs, "clock", lambda: later)
    await pull(channel, OLD)
    await server.store.index.write(lambda _: None)
    record = server.store.blobs.get(Digest.of(OLD))
    assert record is not None
    assert record.used == int(later)
    await server.domain.recorder.flush()
    [(_, counters)] = server.domain.counters.scan()
    assert counters.bytes_out == sum(map(len, old.chunks))


async def test_a_large_recipe_comes_in_parts(
    channel: grpc.aio.Channel, old: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push(channel, old)
    monkeypatch.setattr(delta, "MAX_PART", 1000)
    assert (await pull(channel, OLD)).data == OLD


@pytest.mark.parametrize(
    "data",
    [b"small", bytes(100_000), random.Random(3).randbytes(400_000), gzip.compress(OLD, 1)],
    ids=["inline", "small", "noise", "compressed"],
)
async def test_what_stays_whole_is_not_found(channel: grpc.aio.Channel, data: bytes) -> None:
    await upload(channel, data)
    with refused(grpc.StatusCode.NOT_FOUND, "is not cut into chunks"):
        await Pull(channel, data).begin()


@pytest.mark.parametrize("kind", ["compressed", "inflated"])
async def test_what_an_encoder_has_to_do_with_is_not_found(
    channel: grpc.aio.Channel, server: Server, kind: str
) -> None:
    layer = compressed(OLD, "zlib-1.3")
    await upload(channel, layer)
    server.store.compactor.compact(Digest.of(layer))
    assert place_of(server, layer) is Place.RECIPE
    with refused(grpc.StatusCode.NOT_FOUND, "is not cut into chunks"):
        await Pull(channel, layer if kind == "compressed" else OLD).begin()


async def test_a_recipe_that_is_too_large_is_not_found(
    channel: grpc.aio.Channel, old: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push(channel, old)
    monkeypatch.setattr(delta, "MAX_RECIPE", len(old.recipe) - 1)
    with refused(grpc.StatusCode.NOT_FOUND, f"its recipe has {len(old.recipe)} bytes"):
        await Pull(channel, OLD).begin()


async def test_a_blob_that_is_not_there_is_not_found(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.NOT_FOUND, str(Digest.of(NEW))):
        await Pull(channel, NEW).begin()


async def test_another_size_is_refused(channel: grpc.aio.Channel) -> None:
    await upload(channel, OLD)
    call = Pull(channel, OLD)
    call.first.size_bytes += 1
    with refused(grpc.StatusCode.INVALID_ARGUMENT, f"but has {len(OLD)}"):
        await call.begin()


async def test_a_chunk_that_is_lost_is_told(channel: grpc.aio.Channel, server: Server, old: Cut) -> None:
    await push(channel, old)
    await server.store.delete(Digest.of(old.chunks[3]))
    with refused(grpc.StatusCode.NOT_FOUND, f"1 of its chunks are lost, {Digest.of(old.chunks[3])} first"):
        await fetched(Pull(channel, OLD))


def group(chunks: int, *base: tuple[int, int]) -> pb.ChunkGroup:
    return pb.ChunkGroup(chunks=chunks, base=[pb.BaseRange(offset=offset, size=size) for offset, size in base])


@pytest.mark.parametrize(
    ("groups", "status", "text"),
    [
        ([], "INVALID_ARGUMENT", "have 0 chunks, but 2 are missing"),
        ([group(1)], "INVALID_ARGUMENT", "have 1 chunks, but 2 are missing"),
        ([group(3)], "INVALID_ARGUMENT", "have 3 chunks, but 2 are missing"),
        ([group(0), group(2)], "INVALID_ARGUMENT", "wanted.groups.chunks: is 0"),
        ([group(2, (-1, 10))], "INVALID_ARGUMENT", "wanted.groups.base[0]: 10 bytes from -1 on"),
        ([group(2, (0, 10), (5, 0))], "INVALID_ARGUMENT", "wanted.groups.base[1]: 0 bytes from 5 on"),
        ([group(2, (len(OLD) - 9, 10))], "INVALID_ARGUMENT", f"are not within {len(OLD)}"),
        ([group(2, *[(0, 10)] * 1025)], "RESOURCE_EXHAUSTED", "limited to 1024, not 1025"),
        ([group(2, *[(0, 1 << 20)] * 4, (0, 1))], "RESOURCE_EXHAUSTED", "not 4194305"),
    ],
)
async def test_groups_that_are_not_of_the_chunks_or_the_base_are_refused(
    channel: grpc.aio.Channel, old: Cut, groups: list[pb.ChunkGroup], status: str, text: str
) -> None:
    await push(channel, old)
    call = Pull(channel, OLD)
    wanted = wanted_of(await call.begin(), [0, 1])
    del wanted.groups[:]
    wanted.groups.extend(groups)
    wanted.base_digest = str(Digest.of(OLD))
    await call.ask(wanted)
    with refused(grpc.StatusCode[status], text):
        await call.rest()


async def test_a_base_may_be_of_no_use(channel: grpc.aio.Channel, old: Cut) -> None:
    """Fewer bytes than zstd takes for a prefix are none; any order of ranges, and any overlap, will do."""
    await push(channel, old)
    for base in ([(0, 7)], [(5000, 100), (0, 3000), (2000, 2000), (0, 3000), (len(OLD) - 5, 5)]):
        call = Pull(channel, OLD)
        wanted = wanted_of(await call.begin(), [0])
        wanted.base_digest = str(Digest.of(OLD))
        wanted.groups[0].CopyFrom(group(1, *base))
        await call.ask(wanted)
        [frame] = await call.rest()
        assert len(frame.group.base) == (0 if len(base) == 1 else 5)
        assert old.unpacked(frame, [0], old) == old.chunks[0]


async def test_too_many_bytes_in_a_group_are_refused(channel: grpc.aio.Channel, old: Cut) -> None:
    await push(channel, old)
    call = Pull(channel, OLD)
    wanted = wanted_of(await call.begin(), range(len(old.chunks)))
    del wanted.groups[:]
    wanted.groups.append(group(len(old.chunks)))
    await call.ask(wanted)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "the bytes of several chunks in one frame"):
        await call.rest()


@pytest.mark.parametrize("bits", [b"", b"\1", b"\xff" * 100])
async def test_another_set_of_chunks_is_refused(channel: grpc.aio.Channel, old: Cut, bits: bytes) -> None:
    await push(channel, old)
    call = Pull(channel, OLD)
    await call.begin()
    await call.ask(pb.PullRequest.Wanted(missing=bits, groups=[group(1)]))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "missing: has"):
        await call.rest()


async def test_messages_must_follow_one_another(channel: grpc.aio.Channel, old: Cut) -> None:
    await push(channel, old)
    call = Pull(channel, OLD)
    await call.ask(pb.PullRequest.Wanted())
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "part: must be begin now"):
        await call.hear()
    for hang_up in (False, True):
        call = Pull(channel, OLD)
        await call.begin()
        await (call.hang_up() if hang_up else call.say(pb.PullRequest(begin=call.first)))
        with refused(grpc.StatusCode.INVALID_ARGUMENT, "part: must be wanted now"):
            await call.rest()
    call = Pull(channel, OLD)
    call.first.digest = "sha256:xyz"
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "begin.digest"):
        await call.begin()


async def test_silence_ends_a_pull_and_lets_the_chunks_go(
    channel: grpc.aio.Channel, server: Server, old: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push(channel, old)
    monkeypatch.setattr(upload_module, "MAX_IDLE_SECONDS", 0.3)
    call = Pull(channel, OLD)
    await call.begin()
    assert open_recipes(server)
    with refused(grpc.StatusCode.ABORTED, "nothing was sent for 0.3 seconds"):
        await call.rest()
    await eventually(lambda: not open_recipes(server))


async def test_a_client_that_leaves_lets_the_chunks_go(channel: grpc.aio.Channel, server: Server, old: Cut) -> None:
    await push(channel, old)
    call = Pull(channel, OLD)
    await call.ask(wanted_of(await call.begin(), range(len(old.chunks))))
    assert open_recipes(server)
    call.cancel()
    await eventually(lambda: not open_recipes(server))
