"""Bytes on their way to disk: hashed, invisible until published, never replacing anything."""

from __future__ import annotations

import gc
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import BlobFile, sync_directory

if TYPE_CHECKING:
    from pathlib import Path


def test_a_nameless_file_is_invisible_until_it_is_published(tmp_path: Path) -> None:
    file = BlobFile(tmp_path)
    assert file.write(b"layer ") == 6
    assert file.write(bytearray(b"bytes")) == 11
    file.sync()
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".tmp-")] == []
    assert (file.size, file.digest()) == (11, hashlib.sha256(b"layer bytes").digest())
    assert file.publish(tmp_path / "blob") is True
    sync_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["blob"]
    assert (tmp_path / "blob").read_bytes() == b"layer bytes"
    assert stat.S_IMODE((tmp_path / "blob").stat().st_mode) & 0o222 == 0


@given(pieces=st.lists(st.binary(max_size=5000), max_size=8))
def test_pieces_arrive_as_they_were_written(pieces: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("blobs")
    file = BlobFile(folder)
    for piece in pieces:
        file.write(piece)
    whole = b"".join(pieces)
    assert (file.size, file.digest()) == (len(whole), hashlib.sha256(whole).digest())
    assert file.publish(folder / "blob")
    assert (folder / "blob").read_bytes() == whole


def test_publishing_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"first")
    file = BlobFile(tmp_path)
    file.write(b"second")
    assert file.publish(tmp_path / "blob") is False
    assert (tmp_path / "blob").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["blob"]


def test_a_closed_file_refuses_everything(tmp_path: Path) -> None:
    file = BlobFile(tmp_path)
    file.close()
    file.close()
    for call in (file.digest, file.sync, lambda: file.write(b"x"), lambda: file.publish(tmp_path / "blob")):
        with pytest.raises(ValueError, match="closed"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_publishing_into_a_missing_folder_can_be_tried_again(tmp_path: Path) -> None:
    file = BlobFile(tmp_path)
    file.write(b"x")
    target = tmp_path / "ab" / "blob"
    with pytest.raises(FileNotFoundError) as raised:
        file.publish(target)
    assert raised.value.filename == str(target)
    target.parent.mkdir()
    assert file.publish(target)
    assert target.read_bytes() == b"x"


def test_a_missing_folder_is_an_error_with_its_path(tmp_path: Path) -> None:
    for call in (BlobFile, sync_directory):
        with pytest.raises(FileNotFoundError) as raised:
            call(tmp_path / "gone")
        assert raised.value.filename == str(tmp_path / "gone")


def test_a_named_file_is_continued_where_it_ends(tmp_path: Path) -> None:
    name = tmp_path / "upload"
    file = BlobFile(tmp_path, name)
    file.write(b"begin ")
    file.close(keep=True)
    assert stat.S_IMODE(name.stat().st_mode) == 0o600
    file = BlobFile(tmp_path, name)
    assert (file.size, file.digest()) == (6, hashlib.sha256(b"begin ").digest())
    file.write(b"end")
    assert file.digest() == hashlib.sha256(b"begin end").digest()
    assert file.publish(tmp_path / "blob")
    assert [path.name for path in tmp_path.iterdir()] == ["blob"]
    assert (tmp_path / "blob").read_bytes() == b"begin end"
    assert stat.S_IMODE((tmp_path / "blob").stat().st_mode) == 0o444


def test_a_named_file_is_removed_unless_it_is_kept(tmp_path: Path) -> None:
    BlobFile(tmp_path, tmp_path / "upload").close()
    assert list(tmp_path.iterdir()) == []


def test_a_named_file_survives_its_object(tmp_path: Path) -> None:
    file = BlobFile(tmp_path, tmp_path / "upload")
    file.write(b"kept")
    del file
    gc.collect()
    assert (tmp_path / "upload").read_bytes() == b"kept"


def test_a_name_that_loses_the_race_is_removed(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"first")
    file = BlobFile(tmp_path, tmp_path / "upload")
    file.write(b"first")
    assert file.publish(tmp_path / "blob") is False
    assert [path.name for path in tmp_path.iterdir()] == ["blob"]


def test_two_objects_never_append_to_one_file(tmp_path: Path) -> None:
    name = tmp_path / "upload"
    first = BlobFile(tmp_path, name)
    with pytest.raises(BlockingIOError) as raised:
        BlobFile(tmp_path, name)
    assert raised.value.filename == str(name)
    first.close(keep=True)
    BlobFile(tmp_path, name).close()


def test_two_processes_never_append_to_one_file(tmp_path: Path) -> None:
    name = tmp_path / "upload"
    program = (
        "import sys; from lamella._core import BlobFile\n"
        "file = BlobFile(sys.argv[1], sys.argv[2]); file.write(b'theirs'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError):
            BlobFile(tmp_path, name)
        process.send_signal(signal.SIGKILL)
    file = BlobFile(tmp_path, name)
    assert file.digest() == hashlib.sha256(b"theirs").digest()
    file.close()


def test_an_upload_that_was_published_but_kept_its_name_is_not_appended_to(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"published")
    os.link(tmp_path / "blob", tmp_path / "upload")
    file = BlobFile(tmp_path, tmp_path / "upload")
    assert file.size == 0
    file.write(b"other")
    file.close(keep=True)
    assert (tmp_path / "blob").read_bytes() == b"published"


def test_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"")
    (tmp_path / "upload").symlink_to("victim")
    with pytest.raises(OSError, match="symbolic links") as raised:
        BlobFile(tmp_path, tmp_path / "upload")
    assert raised.value.filename == str(tmp_path / "upload")


def test_after_a_failed_write_the_file_refuses_more(tmp_path: Path) -> None:
    file = BlobFile(tmp_path, tmp_path / "upload")
    file.write(b"fits")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        with pytest.raises(OSError, match="too large") as raised:
            file.write(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert raised.value.filename == str(tmp_path / "upload")
    assert file.size == 4
    for call in (file.sync, lambda: file.write(b"x"), lambda: file.publish(tmp_path / "blob")):
        with pytest.raises(OSError, match="too large"):
            call()
    file.close(keep=True)
    assert list(tmp_path.iterdir()) == []


def test_of_many_that_publish_one_name_one_succeeds(tmp_path: Path) -> None:
    results: list[bool] = []

    def publish() -> None:
        file = BlobFile(tmp_path)
        file.write(b"same")
        results.append(file.publish(tmp_path / "blob"))

    threads = [threading.Thread(target=publish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]
    assert [path.name for path in tmp_path.iterdir()] == ["blob"]
