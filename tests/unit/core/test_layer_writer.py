"""Layers that we write: read back by others, and the same bytes every time."""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella._core import BuildContext, ContentChanged, Entry, LayerReader, LayerWriter
from tests.unit.core.layer_format import reference_layer

EMPTY = hashlib.sha256().digest()


def file_entry(folder: Path, path: str, content: bytes = b"content", *, mode: int = 0o644) -> Entry:
    """Return the entry of a new file in ``folder``."""
    source = folder / hashlib.sha256(os.fsencode(path) + content).hexdigest()
    source.write_bytes(content)
    digest = hashlib.sha256(content).digest()
    return Entry(path, "file", mode=mode, size=len(content), digest=digest, source=str(source))


def without_source(entry: Entry) -> tuple[object, ...]:
    """Return all of an entry but where its content lies."""
    owner = (entry.mode, entry.uid, entry.gid)
    return (entry.path, entry.kind, owner, entry.size, entry.digest, entry.link_target, entry.xattrs, entry.device)


def write_layer(path: Path, entries: list[Entry], mtime: int = 0) -> tuple[bytes, int]:
    writer = LayerWriter(path, mtime)
    writer.add(entries)
    return writer.finish()


def read_layer(path: Path) -> dict[str, tuple[tarfile.TarInfo, bytes | None]]:
    """Return the members of a tar by name, with their contents, as Python reads them."""
    with tarfile.open(path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
        members = {}
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            members[member.name] = (member, content.read() if content is not None else None)
        return members


def test_every_kind_is_read_back(tmp_path: Path) -> None:
    entries = [
        Entry("d", "directory", mode=0o1777, uid=7, gid=8),
        file_entry(tmp_path, "d/f", b"hello", mode=0o4755),
        file_entry(tmp_path, "empty", b""),
        Entry("s", "symlink", link_target="../d/f", mode=0o777),
        Entry("h", "hardlink", link_target="d/f"),
        Entry("c", "character", device=(1, 3), mode=0o666),
        Entry("b", "block", device=(259, 70000)),
        Entry("p", "fifo"),
    ]
    digest, size = write_layer(tmp_path / "layer", entries, mtime=1_700_000_000)
    stored = (tmp_path / "layer").read_bytes()
    assert (digest, size) == (hashlib.sha256(stored).digest(), len(stored))
    members = read_layer(tmp_path / "layer")
    assert list(members) == ["d", "d/f", "empty", "s", "h", "c", "b", "p"]
    assert [member.type for member, _ in members.values()] == [b"5", b"0", b"0", b"2", b"1", b"3", b"4", b"6"]
    folder, file = members["d"][0], members["d/f"][0]
    assert (folder.mode, folder.uid, folder.gid) == (0o1777, 7, 8)
    assert (file.mode, file.size, members["d/f"][1], members["empty"][1]) == (0o4755, 5, b"hello", b"")
    assert (members["s"][0].linkname, members["h"][0].linkname) == ("../d/f", "d/f")
    assert [(members[name][0].devmajor, members[name][0].devminor) for name in "cb"] == [(1, 3), (259, 70000)]
    for member, _ in members.values():
        assert (member.mtime, member.uname, member.gname, member.pax_headers) == (1_700_000_000, "", "", {})


LONG = "n" * 101


@pytest.mark.parametrize(
    ("path", "kinds_in_records"),
    [
        ("n" * 99, []),
        ("n" * 100, ["directory"]),
        ("d/" + "n" * 99, []),
        ("d/" + "n" * 100, ["directory"]),
        ("p" * 155 + "/" + "n" * 99, []),
        ("a/" + "p" * 153 + "/" + "n" * 99, []),
        (LONG, ["file", "directory"]),
        ("p" * 156 + "/n", ["file", "directory"]),
        ("d/" + LONG, ["file", "directory"]),
        ("café/naïve", ["file", "directory"]),
        (os.fsdecode(b"caf\xe9"), ["file", "directory"]),
        ("x/" * 700 + "end", ["file", "directory"]),
        ("with\nnewline and = sign", []),
    ],
)
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_paths_are_in_the_header_where_they_fit(
    tmp_path: Path, path: str, kinds_in_records: list[str], kind: Literal["file", "directory"]
) -> None:
    """A folder's path is one byte longer: its header has a slash at the end."""
    write_layer(tmp_path / "layer", [Entry(path, kind)])
    ((name, (member, _)),) = read_layer(tmp_path / "layer").items()
    assert (name, member.isdir()) == (path, kind == "directory")
    assert ("path" in member.pax_headers) == (kind in kinds_in_records)


def test_what_does_not_fit_a_field_is_in_a_pax_record(tmp_path: Path) -> None:
    entries = [
        Entry("owned", "directory", uid=2**21, gid=2**32 - 1),
        Entry("fits", "directory", uid=2**21 - 1, gid=2**21 - 1),
        Entry("link", "symlink", link_target="t" * 101),
        Entry("link2", "symlink", link_target="zoë"),
        Entry("link3", "symlink", link_target="t" * 100),
        Entry("marked", "directory", xattrs={"user.b": b"\0\n=\xff", "security.capability": b"\1\0\0\2"}),
    ]
    write_layer(tmp_path / "layer", entries)
    members = {name: member for name, (member, _) in read_layer(tmp_path / "layer").items()}
    assert (members["owned"].uid, members["owned"].gid) == (2**21, 2**32 - 1)
    assert (members["fits"].uid, members["fits"].pax_headers) == (2**21 - 1, {})
    assert [members[name].linkname for name in ("link", "link2", "link3")] == ["t" * 101, "zoë", "t" * 100]
    assert members["link3"].pax_headers == {}
    stored = (tmp_path / "layer").read_bytes()
    assert b"41 SCHILY.xattr.security.capability=\1\0\0\2\n28 SCHILY.xattr.user.b=\0\n=\xff\n" in stored


def test_gnu_tar_lists_what_we_write(tmp_path: Path) -> None:
    entries = [
        Entry("d", "directory", mode=0o755, uid=1, gid=2),
        file_entry(tmp_path, "d/" + LONG, b"hello", mode=0o600),
        file_entry(tmp_path, "café", b"x" * 1000),
        Entry("s", "symlink", link_target="d", mode=0o777),
        Entry("c", "character", device=(5, 1), mode=0o620),
    ]
    write_layer(tmp_path / "layer", entries)
    command = ["tar", "--numeric-owner", "--utc", "--quoting-style=literal", "-tvf", str(tmp_path / "layer")]
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    listed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert listed.stderr == ""
    fields = [line.split(maxsplit=5) for line in listed.stdout.splitlines()]
    assert [(mode, owner, size, name) for mode, owner, size, _, _, name in fields] == [
        ("drwxr-xr-x", "1/2", "0", "d/"),
        ("-rw-------", "0/0", "5", "d/" + LONG),
        ("-rw-r--r--", "0/0", "1000", "café"),
        ("lrwxrwxrwx", "0/0", "0", "s -> d"),
        ("crw--w----", "0/0", "5,1", "c"),
    ]


def test_content_may_lie_inside_its_source(tmp_path: Path) -> None:
    content = bytes(range(256)) * 3000
    (tmp_path / "tar").write_bytes(b"before" + content + b"after")
    digest = hashlib.sha256(content).digest()
    entry = Entry("f", "file", size=len(content), digest=digest, source=str(tmp_path / "tar"), offset=6)
    write_layer(tmp_path / "layer", [entry])
    assert read_layer(tmp_path / "layer")["f"][1] == content


def test_layer_bytes_never_change(tmp_path: Path) -> None:
    """A layer's identity is its digest: if one of these changes, every cached layer is lost."""
    plain = [
        Entry("etc", "directory"),
        file_entry(tmp_path, "etc/motd", b"hello\n"),
        Entry("l", "symlink", link_target="x"),
    ]
    records = [
        Entry("zoë/" + LONG, "directory", mode=0o700, uid=2**21, gid=2**22, xattrs={"user.a": b"1"}),
        Entry("h", "hardlink", link_target="zoë"),
        Entry("c", "character", mode=0o600, device=(1, 3)),
        file_entry(tmp_path, "p" * 120 + "/" + "n" * 90, bytes(700)),
    ]
    digests = {
        name: write_layer(tmp_path / name, entries, mtime)[0].hex()
        for name, entries, mtime in (
            ("none", [], 0),
            ("plain", plain, 0),
            ("dated", plain, 946684800),
            ("pax", records, 0),
        )
    }
    assert digests == {
        "none": hashlib.sha256(bytes(1024)).hexdigest(),
        "plain": "ac8b25ccc7c08d1273df98cc6ecd9378fbd8642ccb7a18aa47c92142b370a30e",
        "dated": "be5ef044488d8c476b8a183fa4f765b215a557211696d456a8579bb616abf1b2",
        "pax": "49bcdb5fc76241ab9a944f177e00a6c184e7ae8866fe9d41de051dc80e07f993",
    }


NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=60).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)


@given(
    tree=st.dictionaries(PATHS, st.tuples(st.binary(max_size=1200), st.integers(0, 0o7777)), max_size=8),
    batches=st.integers(1, 4),
)
@settings(max_examples=60)
def test_any_tree_is_read_back_and_written_the_same_again(
    tree: dict[str, tuple[bytes, int]], batches: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("layer")
    entries = [file_entry(folder, path, content, mode=mode) for path, (content, mode) in tree.items()]
    digest, _ = write_layer(folder / "one", entries)
    writer = LayerWriter(folder / "two")
    for start in range(0, len(entries), batches):
        writer.add(entries[start : start + batches])
    assert writer.finish()[0] == digest
    assert (folder / "one").read_bytes() == (folder / "two").read_bytes()
    assert {name: (content, member.mode) for name, (member, content) in read_layer(folder / "one").items()} == tree


SEGMENTS = st.text("aé\udce9", min_size=1, max_size=4) | st.integers(1, 160).map("n".__mul__)
OWNERS = st.integers(0, 2**32 - 1) | st.integers(2**21 - 2, 2**21 + 1)
XATTRS = st.dictionaries(st.text("ab", max_size=3).map("user.".__add__), st.binary(max_size=120), max_size=2)
LINK_KINDS: list[Literal["symlink", "hardlink"]] = ["symlink", "hardlink"]
DEVICE_KINDS: list[Literal["character", "block"]] = ["character", "block"]
BARE_KINDS: list[Literal["directory", "fifo"]] = ["directory", "fifo"]
ENTRIES_BY_KIND = st.one_of(
    st.builds(Entry, st.just("x"), st.sampled_from(BARE_KINDS), uid=OWNERS, gid=OWNERS, xattrs=XATTRS),
    st.builds(Entry, st.just("x"), st.sampled_from(LINK_KINDS), link_target=SEGMENTS),
    st.builds(
        Entry,
        st.just("x"),
        st.sampled_from(DEVICE_KINDS),
        device=st.tuples(st.integers(0, 4095), st.integers(0, 2**21 - 1)),
    ),
)


@given(
    entries=st.dictionaries(st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join), ENTRIES_BY_KIND, max_size=6),
    mtime=st.integers(0, 8**11 - 1),
)
def test_the_bytes_are_those_that_the_format_describes(
    entries: dict[str, Entry], mtime: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("layer")
    tree = [entry.replace(path=path) for path, entry in entries.items()]
    tree.append(file_entry(folder, "file", b"content" * len(tree)))
    write_layer(folder / "layer", tree, mtime)
    assert (folder / "layer").read_bytes() == reference_layer(tree, mtime)


@given(
    entries=st.dictionaries(st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join), ENTRIES_BY_KIND, max_size=6),
)
def test_our_reader_reads_what_we_write(entries: dict[str, Entry], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("layer")
    tree = [entry.replace(path=path) for path, entry in entries.items()]
    tree.append(file_entry(folder, "file", b"content" * len(tree)))
    digest, size = write_layer(folder / "layer", tree)
    reader = LayerReader(folder / "layer")
    read = reader.next_batch()
    assert reader.next_batch() == []
    assert (reader.digest, reader.diff_id, reader.size) == (digest, digest, size)
    assert [without_source(entry) for entry in read] == [without_source(entry) for entry in tree]


def test_a_context_becomes_a_layer(tmp_path: Path) -> None:
    root = tmp_path / "context"
    (root / "app/lib").mkdir(parents=True)
    (root / "app/main").write_bytes(b"main" * 100_000)
    (root / "app/lib/link").symlink_to("../main")
    entries = [entry.replace(path=f"srv/{entry.path}".rstrip("/")) for entry in BuildContext(root).copy_source("app")]
    write_layer(tmp_path / "layer", entries)
    members = read_layer(tmp_path / "layer")
    assert list(members) == ["srv", "srv/lib", "srv/lib/link", "srv/main"]
    assert members["srv/main"][1] == b"main" * 100_000


class TestErrors:
    @pytest.mark.parametrize("content", [b"CONTENT", b"cont", b""])
    def test_a_changed_file_is_named_and_the_layer_is_gone(self, tmp_path: Path, content: bytes) -> None:
        entry = file_entry(tmp_path, "etc/motd")
        assert entry.source is not None
        Path(entry.source).write_bytes(content)
        writer = LayerWriter(tmp_path / "layer")
        with pytest.raises(ContentChanged, match=f'"etc/motd": {entry.source} no longer has'):
            writer.add([entry])
        assert not (tmp_path / "layer").exists()
        for call in (writer.finish, lambda: writer.add([])):
            with pytest.raises(ValueError, match="failed before"):
                call()

    def test_a_missing_source_is_an_error_with_its_path(self, tmp_path: Path) -> None:
        entry = file_entry(tmp_path, "f")
        assert entry.source is not None
        Path(entry.source).unlink()
        with pytest.raises(FileNotFoundError) as raised:
            LayerWriter(tmp_path / "layer").add([entry])
        assert raised.value.filename == entry.source

    @pytest.mark.parametrize(
        ("entry", "reason"),
        [
            (Entry("", "directory"), "empty"),
            (Entry("/etc", "directory"), "not relative"),
            (Entry("etc/", "directory"), "not relative"),
            (Entry("a/../b", "directory"), "not relative"),
            (Entry("a\0b", "directory"), "NUL"),
            (Entry("f", "file", size=1, digest=EMPTY), "no source"),
            (Entry("f", "file", size=1, source="/f"), "no digest"),
            (Entry("s", "symlink", link_target=""), "link target"),
            (Entry("c", "character"), "without a number"),
            (Entry("c", "block", device=(2**21, 0)), "device number"),
            (Entry("x", "directory", xattrs={"user.a=b": b""}), "extended attribute"),
        ],
    )
    def test_an_entry_that_cannot_be_stored_changes_nothing(self, tmp_path: Path, entry: Entry, reason: str) -> None:
        writer = LayerWriter(tmp_path / "layer")
        with pytest.raises(ValueError, match=reason):
            writer.add([Entry("first", "directory"), entry])
        writer.add([Entry("first", "directory")])
        writer.finish()
        assert list(read_layer(tmp_path / "layer")) == ["first"]

    def test_a_path_is_in_a_layer_once(self, tmp_path: Path) -> None:
        writer = LayerWriter(tmp_path / "layer")
        writer.add([Entry("a", "directory")])
        with pytest.raises(ValueError, match='"a": the layer has this path already'):
            writer.add([Entry("b", "directory"), Entry("a", "fifo")])
        writer.add([Entry("b", "directory")])
        writer.finish()
        assert list(read_layer(tmp_path / "layer")) == ["a", "b"]

    def test_an_existing_file_is_never_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "layer").write_bytes(b"precious")
        with pytest.raises(FileExistsError) as raised:
            LayerWriter(tmp_path / "layer")
        assert raised.value.filename == str(tmp_path / "layer")
        assert (tmp_path / "layer").read_bytes() == b"precious"

    def test_a_layer_that_is_not_finished_is_removed(self, tmp_path: Path) -> None:
        writer = LayerWriter(tmp_path / "layer")
        writer.add([Entry("a", "directory")])
        assert (tmp_path / "layer").exists()
        del writer
        gc.collect()
        assert list(tmp_path.iterdir()) == []

    def test_a_time_that_does_not_fit_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="mtime 8589934592"):
            LayerWriter(tmp_path / "layer", 8**11)
        assert list(tmp_path.iterdir()) == []
