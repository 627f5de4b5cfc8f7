"""Entries: what they hold, and what they refuse."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from lamella._core import Entry

CONTENT = hashlib.sha256(b"content").digest()


def file(path: str = "file", **changes: Any) -> Entry:
    fields: dict[str, Any] = {"mode": 0o644, "size": 7, "digest": CONTENT} | changes
    return Entry(path, "file", **fields)


def test_an_entry_gives_back_what_it_was_made_of() -> None:
    made = Entry(
        "dev/\udcff",
        "block",
        mode=0o4660,
        uid=1,
        gid=(1 << 32) - 1,
        xattrs={"user.note": b"\0"},
        source="/tar",
        offset=1 << 40,
        device=(254, 3),
    )
    assert (made.path, made.kind, made.mode, made.uid, made.gid) == ("dev/\udcff", "block", 0o4660, 1, (1 << 32) - 1)
    assert (made.size, made.link_target, made.digest, made.xattrs) == (0, None, None, {"user.note": b"\0"})
    assert (made.source, made.offset, made.device) == ("/tar", 1 << 40, (254, 3))
    assert Entry("x", "symlink", link_target="\udcfe").link_target == "\udcfe"


def test_replace_leaves_the_original_alone() -> None:
    original = file()
    changed = original.replace(path="new", mode=0o600, uid=5, gid=6)
    assert (changed.path, changed.mode, changed.uid, changed.gid) == ("new", 0o600, 5, 6)
    assert (changed.digest, changed.size) == (original.digest, original.size)
    assert original == file() == original.replace()
    assert original != changed
    assert len({original, file(), changed}) == 2


def test_an_entry_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        file().mode = 0  # type: ignore[misc]  # that it is read-only is what is tested


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("socket", {}, "no kind of entry"),
        ("file", {"mode": 0o10000}, "mode"),
        ("symlink", {}, "link has a target"),
        ("file", {"link_target": "x"}, "link has a target"),
        ("file", {"digest": b"short"}, "32"),
        ("file", {"uid": -1}, "negative|out of range"),
        ("file", {"uid": 1 << 32}, "range|large|fit"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(kind: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, OverflowError), match=message):
        Entry("x", kind, **fields)


def test_the_text_form_names_path_and_kind() -> None:
    assert repr(file("a b")).startswith('Entry("a b", "file", mode=0o644, uid=0, gid=0, size=7, digest=sha256:')
