"""Blobs that come as a recipe and the chunks that the server lacks."""

from __future__ import annotations

import asyncio
import io
import random
import tarfile
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella.index import Place
from lamella.model import Digest
from lamella.server.grpc import upload as upload_module
from lamella.store import new_chunks
from tests.grpc.calls import blob_files, download, eventually, place_of, read_name, refused, upload
from tests.grpc.conftest import serve
from tests.grpc.deltas import CHANGED, NEW, OLD, Cut, Push, edited, pull, push
from tests.unit.store.test_gzip_cold import compressed

if TYPE_CHECKING:
    from tests.grpc.conftest import Server


async def test_a_blob_of_which_nothing_is_there(channel: grpc.aio.Channel, server: Server, new: Cut) -> None:
    pushed = await push(channel, new)
    assert pushed.missing == list(range(len(new.chunks)))
    assert not pushed.has_base
    assert place_of(server, NEW) is Place.RECIPE
    assert await download(channel, read_name(NEW)) == NEW
    assert not blob_files(server)


async def test_what_is_there_is_not_sent(channel: grpc.aio.Channel, server: Server, old: Cut, new: Cut) -> None:
    await push(channel, old)
    pushed = await push(channel, new)
    assert pushed.missing == [number for number, chunk in enumerate(new.chunks) if chunk not in old.chunks]
    assert sum(len(new.chunks[number]) for number in pushed.missing) < 1.5 * CHANGED
    assert await download(channel, read_name(NEW)) == NEW
    await server.store.delete(Digest.of(NEW))
    assert (await push(channel, new)).missing == []
    assert await download(channel, read_name(NEW)) == NEW


@pytest.mark.parametrize("cold", [False, True], ids=["hot", "cold"])
async def test_a_blob_that_is_there_is_done(channel: grpc.aio.Channel, server: Server, new: Cut, *, cold: bool) -> None:
    await upload(channel, NEW)
    if cold:
        server.store.compactor.compact(Digest.of(NEW))
    assert (await push(channel, new)).missing == []
    assert place_of(server, NEW) is (Place.RECIPE if cold else Place.FILE)


@pytest.mark.parametrize("kind", ["hot", "cold", "inflated", "encoded", "absent"])
async def test_new_chunks_are_taken_against_a_base(
    channel: grpc.aio.Channel, server: Server, tmp_path: Path, kind: str
) -> None:
    stored = compressed(OLD, "zlib-1.3") if kind in {"inflated", "encoded"} else OLD
    if kind != "absent":
        await upload(channel, stored)
    if kind not in {"hot", "absent"}:
        outcome = server.store.compactor.compact(Digest.of(stored))
        assert outcome is not None
        assert outcome.kept is None
    base = Cut.of(stored if kind == "encoded" else OLD, tmp_path)
    cut = Cut.of(edited(OLD), tmp_path)
    pushed = await push(channel, cut, base)
    usable = kind in {"hot", "cold", "inflated"}
    assert pushed.has_base is usable
    if kind != "hot":  # of a hot base, the chunks that stay have to come, too
        assert (pushed.sent < 0.2 * CHANGED) is usable
    assert await download(channel, read_name(cut.data)) == cut.data
    assert not blob_files(server)


async def test_packs_that_are_full_are_begun_anew(
    channel: grpc.aio.Channel, server: Server, new: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_chunks, "PACK_SIZE", 500_000)
    await push(channel, new)
    assert len(list((server.folder / "packs").iterdir())) > 3
    assert await download(channel, read_name(NEW)) == NEW


async def test_what_broke_off_is_begun_again_less_the_packs_that_were_full(
    channel: grpc.aio.Channel, server: Server, new: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_chunks, "PACK_SIZE", 500_000)
    call = Push(channel, new)
    frames = call.frames(await call.begin())
    await call.send(frames[:-1])
    await eventually(server.store.blobs.count)
    call.cancel()
    await eventually(lambda: not blob_files(server))
    assert place_of(server, NEW) is None
    assert 0 < len((await push(channel, new)).missing) < len(new.chunks)
    assert await download(channel, read_name(NEW)) == NEW


@pytest.mark.parametrize("count", [0, 1, -1], ids=["none", "one", "all but the last"])
async def test_a_client_that_leaves_leaves_nothing(
    channel: grpc.aio.Channel, server: Server, new: Cut, count: int
) -> None:
    call = Push(channel, new)
    await call.send_frames(count)
    if count:
        await eventually(lambda: blob_files(server))
    call.cancel()
    await eventually(lambda: not blob_files(server))
    assert server.store.blobs.count() == 0
    await push(channel, new)


async def test_two_that_push_one_blob_both_succeed(server: Server, new: Cut) -> None:
    async with server.connect() as one, server.connect() as other:
        pushes = await asyncio.gather(*(push(channel, new) for channel in (one, other, one)))
        assert all(pushed.missing for pushed in pushes[:1])
        assert await download(one, read_name(NEW)) == NEW


async def test_a_blob_that_comes_whole_meanwhile_is_done(channel: grpc.aio.Channel, server: Server, new: Cut) -> None:
    call = Push(channel, new)
    frames = call.frames(await call.begin())
    await upload(channel, NEW)
    await call.send(frames)
    await call.end()
    assert place_of(server, NEW) is Place.RECIPE
    assert await download(channel, read_name(NEW)) == NEW


async def test_a_chunk_that_goes_meanwhile_is_named(
    channel: grpc.aio.Channel, server: Server, old: Cut, new: Cut
) -> None:
    await push(channel, old)
    call = Push(channel, new)
    frames = call.frames(await call.begin())
    shared = next(chunk for chunk in new.chunks if chunk in old.chunks)
    await server.store.delete(Digest.of(shared))
    await call.send(frames)
    with refused(grpc.StatusCode.NOT_FOUND, str(Digest.of(shared))):
        await call.end()
    assert place_of(server, NEW) is None
    assert (await push(channel, new)).missing == [new.chunks.index(shared)]


async def test_a_blob_whose_earlier_recipe_is_being_read_is_stored_whole(
    channel: grpc.aio.Channel, server: Server, new: Cut
) -> None:
    await push(channel, new)
    reading = server.store.open(Digest.of(NEW))
    async with aclosing(reading):
        await anext(reading)
        await server.store.delete(Digest.of(NEW))
        await push(channel, new)
        assert place_of(server, NEW) is Place.FILE
    assert await download(channel, read_name(NEW)) == NEW


async def test_chunks_are_counted(channel: grpc.aio.Channel, server: Server, old: Cut, new: Cut) -> None:
    await push(channel, old)
    pushed = await push(channel, new, old)
    await server.domain.recorder.flush()
    [(_, counters)] = server.domain.counters.scan()
    assert counters.bytes_in == sum(map(len, old.chunks)) + sum(len(new.chunks[number]) for number in pushed.missing)


async def test_silence_ends_a_push(
    channel: grpc.aio.Channel, server: Server, new: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "MAX_IDLE_SECONDS", 0.3)
    call = Push(channel, new)
    await call.send_frames(1)
    with refused(grpc.StatusCode.ABORTED, "nothing was sent for 0.3 seconds"):
        await call.end()
    await eventually(lambda: not blob_files(server))
    assert place_of(server, NEW) is None


@st.composite
def releases(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return a tar of a few files, and what a release later becomes of it."""
    files = draw(st.lists(st.integers(0, 200_000), min_size=1, max_size=6))
    old = [random.Random(number).randbytes(size // 2 + 1).hex().encode()[:size] for number, size in enumerate(files)]
    new = list(old)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(new) - 1))
        cut = draw(st.integers(0, len(new[place])))
        new[place] = new[place][:cut] + draw(st.binary(max_size=50)) + new[place][cut + draw(st.integers(0, 50)) :]
    draw(st.randoms(use_true_random=False)).shuffle(new)
    return tar_of(old), tar_of([*new, b"so that it is no chunk" * 20_000])


def tar_of(contents: list[bytes]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for number, content in enumerate(contents):
            entry = tarfile.TarInfo(f"file{number}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return output.getvalue()


@settings(max_examples=20, deadline=None)
@given(tars=releases())
def test_what_was_pushed_comes_back_byte_for_byte(tars: tuple[bytes, bytes]) -> None:
    old, new = tars

    async def push_and_read(folder: Path) -> bytes:
        async with serve(folder / "data") as server, server.connect() as channel:
            await upload(channel, old)
            await push(channel, Cut.of(new, folder), Cut.of(old, folder))
            assert place_of(server, new) is Place.RECIPE
            pulled = await pull(channel, new, Cut.of(old, folder))
            assert pulled.data == new
            return await download(channel, read_name(new))

    with TemporaryDirectory() as folder:
        assert asyncio.run(push_and_read(Path(folder))) == new
