"""The content digest of a tree: what it depends on, what it does not, and its bytes as documented."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._core import Entry, tree_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTENT = hashlib.sha256(b"content").digest()


def file(path: str = "file", **changes: Any) -> Entry:
    fields: dict[str, Any] = {"mode": 0o644, "size": 7, "digest": CONTENT} | changes
    return Entry(path, "file", **fields)


def documented_digest(entries: Iterable[Entry]) -> bytes:
    """``docs/formats.md``, "Tree digest", read literally."""

    def field(tag: bytes, value: bytes) -> bytes:
        return tag + len(value).to_bytes(8, "big") + value

    def path_bytes(text: str) -> bytes:
        return text.encode("utf-8", "surrogateescape")

    stream = b"lamella.tree.v1"
    for entry in sorted(entries, key=lambda entry: path_bytes(entry.path)):
        stream += field(b"p", path_bytes(entry.path)) + field(b"k", entry.kind.encode())
        stream += field(b"m", entry.mode.to_bytes(4, "big"))
        stream += field(b"u", entry.uid.to_bytes(4, "big")) + field(b"g", entry.gid.to_bytes(4, "big"))
        if entry.link_target is not None:
            stream += field(b"l", path_bytes(entry.link_target))
        for name, value in sorted((path_bytes(name), value) for name, value in entry.xattrs.items()):
            stream += field(b"x", name) + field(b"v", value)
        if entry.device is not None:
            stream += field(b"d", b"".join(number.to_bytes(4, "big") for number in entry.device))
        if entry.kind == "file":
            assert entry.digest is not None
            stream += field(b"s", entry.size.to_bytes(8, "big")) + field(b"c", entry.digest)
    return hashlib.sha256(stream).digest()


PATHS = st.binary(min_size=1, max_size=8).map(lambda raw: raw.replace(b"\0", b"?").decode("utf-8", "surrogateescape"))
NUMBERS = st.integers(0, (1 << 32) - 1)
OWNED = {"mode": st.integers(0, 0o7777), "uid": NUMBERS, "gid": NUMBERS}


def entries_of(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Entry]:
    xattrs = st.dictionaries(PATHS, st.binary(max_size=4), max_size=3)
    return st.builds(Entry, PATHS, st.just(kind), **OWNED, xattrs=xattrs, **fields)


ENTRIES = st.one_of(
    entries_of("file", size=st.integers(0, (1 << 63) - 1), digest=st.binary(min_size=32, max_size=32)),
    entries_of("directory"),
    entries_of("symlink", link_target=PATHS),
    entries_of("hardlink", link_target=PATHS),
    entries_of("character", device=st.tuples(NUMBERS, NUMBERS)),
    entries_of("fifo"),
)
TREES = st.lists(ENTRIES, max_size=8, unique_by=lambda entry: entry.path)


@given(TREES, st.randoms())
def test_the_digest_is_as_documented_whatever_the_order(tree: list[Entry], random: Any) -> None:
    expected = documented_digest(tree)
    assert tree_digest(tree) == expected
    random.shuffle(tree)
    assert tree_digest(tree) == expected


def test_the_digest_never_changes() -> None:
    tree = [
        Entry("", "directory"),
        file("bin/tool", mode=0o4755, xattrs={"user.note": b"1"}),
        Entry("bin/link", "symlink", mode=0o777, link_target="tool"),
        Entry("dev/null", "character", mode=0o666, device=(1, 3)),
    ]
    assert tree_digest([]).hex() == hashlib.sha256(b"lamella.tree.v1").hexdigest()
    assert tree_digest(tree).hex() == "012ea467e95f639e94965f24d910acda653423b602e485c8e5ab1037cf6f5e60"


CHANGES: dict[str, dict[str, Any]] = {
    "path": {"path": "other"},
    "mode": {"mode": 0o600},
    "uid": {"uid": 1},
    "gid": {"gid": 1},
    "size": {"size": 8},
    "content": {"digest": hashlib.sha256(b"other").digest()},
    "xattrs": {"xattrs": {"user.note": b""}},
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_counts(name: str) -> None:
    assert tree_digest([file(**CHANGES[name])]) != tree_digest([file()])


def test_kinds_and_targets_count() -> None:
    trees = [
        [Entry("x", "directory")],
        [Entry("x", "fifo")],
        [Entry("x", "symlink", link_target="a")],
        [Entry("x", "symlink", link_target="b")],
        [Entry("x", "hardlink", link_target="a")],
        [Entry("x", "character", device=(1, 2))],
        [Entry("x", "block", device=(1, 2))],
        [Entry("x", "block", device=(2, 1))],
    ]
    assert len({tree_digest(tree) for tree in trees}) == len(trees)


def test_where_the_content_is_does_not_count() -> None:
    assert tree_digest([file(source="/somewhere", offset=512)]) == tree_digest([file()])


def test_two_entries_with_one_path_are_refused() -> None:
    with pytest.raises(ValueError, match='two entries have the path "file"'):
        tree_digest([file(), Entry("other", "fifo"), file(mode=0o600)])


def test_a_file_that_was_not_hashed_is_refused() -> None:
    with pytest.raises(ValueError, match='file "file" has no digest'):
        tree_digest([file(digest=None)])
