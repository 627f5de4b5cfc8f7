from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from lamella.errors import StoreError
from lamella.store import LocalStore
from lamella.store import folder as folder_module
from lamella.store.folder import StoreFolder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_folder_becomes_a_store(folder: Path) -> None:
    with closing(LocalStore(folder / "nested")):
        pass
    assert (folder / "nested" / "format").read_bytes() == b"lamella store 1\n"
    assert len(list((folder / "nested" / "blobs" / "sha256").iterdir())) == 256


def test_a_folder_with_other_things_in_it_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"thesis\.txt"):
        LocalStore(folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["lost+found", ".tmp-1-1"])
def test_a_new_file_system_or_a_crash_in_between_is_no_obstacle(folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / name).touch()
    with closing(LocalStore(folder)):
        pass


def test_another_format_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "format").write_text("lamella store 2\n")
    with pytest.raises(StoreError, match="lamella store 2"):
        LocalStore(folder)


def test_temporary_files_are_cleared_by_the_first_to_come_only(folder: Path) -> None:
    with closing(StoreFolder(folder)):
        pass
    left = folder / "temporary" / ".tmp-1-1"
    left.touch()
    with closing(StoreFolder(folder)):
        assert not left.exists()
        left.touch()
        with closing(StoreFolder(folder)):
            assert left.exists()


def test_maintenance_and_service_exclude_each_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "LOCK_WAIT", 0.05)
    with closing(StoreFolder(folder)), pytest.raises(StoreError, match="in use"):
        StoreFolder(folder, exclusive=True)
    with closing(StoreFolder(folder, exclusive=True)), pytest.raises(StoreError, match="maintenance"):
        StoreFolder(folder)
    with closing(StoreFolder(folder, exclusive=True)):
        pass


def test_a_store_that_failed_to_open_leaves_no_lock(folder: Path) -> None:
    with closing(LocalStore(folder)), pytest.raises(StoreError, match="already open"):
        LocalStore(folder)
    with closing(StoreFolder(folder, exclusive=True)):
        pass
